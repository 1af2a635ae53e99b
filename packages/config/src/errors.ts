/** What can be wrong with a deploy.config.ts, and what to do about it. */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

export const configMissing = defineError(
  "E1000",
  exitCodes.config,
  (details: {
    /** The --config that was asked for, or null when every parent folder was searched. */
    readonly explicit: string | null;
    readonly lookedIn: readonly string[];
    readonly names: readonly string[];
    /** "a Django project (manage.py, shop/wsgi.py)" */
    readonly looksLike: string | null;
    readonly fix: string;
  }) => ({
    title:
      details.explicit === null
        ? `No ${details.names[0]} here or in any parent folder`
        : `No config at ${details.explicit}`,
    facts: [
      details.explicit === null
        ? `looked in ${details.lookedIn.join(", ")}      (also ${details.names.slice(1).join(", ")})`
        : `looked for ${details.lookedIn.join(", ")}`,
      ...(details.looksLike === null ? [] : [`this folder looks like ${details.looksLike}`]),
    ],
    fixes: [details.fix],
  }),
);

export const configSyntax = defineError(
  "E1001",
  exitCodes.config,
  (details: {
    readonly place: ConfigPlace;
    readonly message: string;
    readonly frame: readonly string[];
  }) => ({
    title: `${details.place.file} is not valid TypeScript: ${details.message}`,
    place: details.place,
    facts: details.frame,
    fixes: [
      details.place.line === undefined
        ? `edit ${details.place.file}`
        : `edit line ${details.place.line} of ${details.place.file}`,
    ],
  }),
);

export const configInvalid = defineError(
  "E1002",
  exitCodes.config,
  (details: {
    readonly file: string;
    readonly count: number;
    readonly place: ConfigPlace;
    /** One line per problem, then the source around the first. */
    readonly lines: readonly string[];
    readonly fix: string;
  }) => ({
    title: `${details.file} has ${details.count === 1 ? "1 problem" : `${details.count} problems`}`,
    place: details.place,
    facts: details.lines,
    fixes: [details.fix],
  }),
);

export const configNotExported = defineError(
  "E1003",
  exitCodes.config,
  (details: { readonly file: string; readonly got: string }) => ({
    title: `${details.file} did not export a config (got ${details.got})`,
    place: { file: details.file },
    fixes: ['add: export default defineConfig({ name: "…" })'],
  }),
);

export const configThrew = defineError(
  "E1004",
  exitCodes.config,
  (details: {
    readonly place: ConfigPlace;
    /** "threw TypeError: boom", "called process.exit(3)" */
    readonly did: string;
    readonly facts: readonly string[];
  }) => ({
    title: `${details.place.file} ${details.did}`,
    place: details.place,
    facts: details.facts,
    fixes: [
      details.place.line === undefined
        ? `edit ${details.place.file}: it only has to return the config`
        : `edit line ${details.place.line} of ${details.place.file}`,
    ],
  }),
);

export const redisServerMissing = defineError(
  "E2302",
  exitCodes.environment,
  (details: { readonly place: ConfigPlace; readonly wanted: "managed" | "cache" }) => ({
    title: `${details.wanted === "managed" ? 'redis: "managed"' : 'cache.store "redis"'} needs redis-server, and there is none on the PATH`,
    place: details.place,
    fixes: [
      "sudo apt-get install redis-server",
      details.wanted === "managed"
        ? 'redis: "auto"      # uses Redis where there is one'
        : 'cache: { store: "auto" }      # uses Redis where there is one',
    ],
  }),
);
