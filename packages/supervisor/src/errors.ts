/** What can go wrong in @stack/supervisor, each with what to do about it. */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

export const alreadyRunning = defineError(
  "E2003",
  exitCodes.locked,
  ({ config, pid, since }: { config: string; pid: number; since: string }) => ({
    title: "This stack is already running",
    facts: [`${config}: keeper pid ${pid}, up ${since}`],
    fixes: ["stack reload    # to apply changes", "stack top       # to look at it"],
  }),
);

export const changeUnderWay = defineError(
  "E2004",
  exitCodes.locked,
  ({ change }: { change: string }) => ({
    title: "Another change is under way",
    facts: [`"${change}" has not finished`],
    fixes: ["wait for it (stack status), then try again"],
  }),
);

export const stateFolderUnusable = defineError(
  "E2402",
  exitCodes.environment,
  ({ path, reason }: { path: string; reason: string }) => ({
    title: `The state folder cannot be used: ${path}`,
    facts: [reason],
    fixes: ["make the folder writable for this user, and see that its disk is not full"],
  }),
);

export const redisFailed = defineError(
  "E2301",
  exitCodes.environment,
  ({ exit, lines }: { exit: string; lines: readonly string[] }) => ({
    title: "The managed redis-server does not run",
    facts: [exit, ...lines.slice(-3)],
    fixes: ["stack logs redis", "redis: false in deploy.config.ts, to run without"],
  }),
);

export const unknownService = defineError(
  "E3004",
  exitCodes.usage,
  ({ name, known }: { name: string; known: readonly string[] }) => ({
    title: `There is no service "${name}"`,
    facts: [`known: ${known.join(", ")}`],
    fixes: ["stack status    # lists them"],
  }),
);

export const edgeStaysUp = defineError("E3006", exitCodes.usage, () => ({
  title: "The edge cannot be stopped on its own",
  facts: ["without it nobody would be answered"],
  fixes: ["stack restart edge    # a new one beside it, no request lost", "stack down"],
}));

export const edgeUserStays = defineError(
  "E3009",
  exitCodes.config,
  ({ place }: { place: ConfigPlace | undefined }) => ({
    title: "A reload cannot change who the edge runs as",
    ...placeOf(place),
    facts: ["its sockets, folders and those of all workers would change hands under their users"],
    fixes: ["stack down && stack up -d", "take the change of edge.user and edge.group back"],
  }),
);

export const notScalable = defineError(
  "E3005",
  exitCodes.usage,
  ({ name, kind }: { name: string; kind: string }) => ({
    title: `${name} cannot be scaled: it is a ${kind}`,
    fixes: ["scale an app: stack scale NAME=N"],
  }),
);

export const crashLoop = defineError(
  "E3101",
  exitCodes.appNotReady,
  (details: {
    readonly name: string;
    readonly times: number;
    readonly exit: string;
    readonly lines: readonly string[];
    readonly place: ConfigPlace | undefined;
    /** Null when it is not started again at all. */
    readonly retryMinutes: number | null;
  }) => ({
    title:
      details.times === 1
        ? `${details.name} failed`
        : `${details.name} crashed ${details.times} times in a row`,
    ...placeOf(details.place),
    facts: [
      `${details.exit}, the last time with:`,
      ...details.lines.slice(-20).map((line) => `    ${line}`),
      details.retryMinutes === null
        ? "other services are not affected; it is not started again by itself"
        : `other services are not affected; next try in ${details.retryMinutes} min`,
    ],
    fixes: [`repair it, then: stack start ${details.name}`, `stack logs ${details.name}`],
  }),
);

export const notReadyInTime = defineError(
  "E3203",
  exitCodes.appNotReady,
  ({ name, seconds }: { name: string; seconds: number }) => ({
    title: `${name} was not ready within ${seconds}s`,
    fixes: [`stack logs ${name}`],
  }),
);

export const mixedState = defineError(
  "E3301",
  exitCodes.mixedState,
  (details: { readonly app: string; readonly reason: string; readonly back: string }) => ({
    title: `${details.app} runs two releases at once`,
    facts: [`the new one failed: ${details.reason}`, `going back failed too: ${details.back}`],
    fixes: [`stack restart ${details.app}`, `stack logs ${details.app}`],
  }),
);

export const releaseFailed = defineError(
  "E3401",
  exitCodes.appNotReady,
  (details: {
    readonly app: string;
    readonly line: string;
    readonly reason: string;
    readonly lines: readonly string[];
    readonly place: ConfigPlace;
  }) => ({
    title: `${details.app}: the release command "${details.line}" failed`,
    place: { ...details.place, configPath: `apps.${details.app}.release` },
    facts: [
      details.lines.length === 0 ? details.reason : `${details.reason}; the end of what it said:`,
      ...details.lines.map((line) => `    ${line}`),
    ],
    fixes: [
      `repair it, then: stack reload ${details.app}`,
      `stack logs ${details.app}    # all it said`,
    ],
  }),
);

export const releaseStopped = defineError(
  "E3402",
  exitCodes.appNotReady,
  ({ app }: { readonly app: string }) => ({
    title: `${app} was stopped before its release commands were done`,
    fixes: ["stack up"],
  }),
);

export const canaryTakenBack = defineError(
  "E3501",
  exitCodes.appNotReady,
  ({ app, reason }: { readonly app: string; readonly reason: string }) => ({
    title: `${app}: the canary was taken back`,
    facts: [reason, "the old code serves all requests again"],
    fixes: [`stack logs ${app}`, `stack reload ${app}    # without a canary`],
  }),
);

export const keeperLost = defineError(
  "E2006",
  exitCodes.environment,
  ({ reason, lines }: { reason: string; lines: readonly string[] }) => ({
    title: `The keeper ended before the stack was started: ${reason}`,
    facts: lines.slice(-4),
    fixes: ["stack logs keeper stackd"],
  }),
);

function placeOf(place: ConfigPlace | undefined): { place: ConfigPlace } | object {
  return place === undefined ? {} : { place };
}
