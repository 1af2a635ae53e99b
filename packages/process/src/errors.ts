/**
 * What keeps a service from starting. Here, below all who may say it: `stack check` finds it before
 * anything runs, keeper and arbiters when they start what the config names.
 */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

export const portInUse = defineError(
  "E2001",
  exitCodes.environment,
  (details: {
    readonly address: string;
    readonly place: ConfigPlace | undefined;
    /** The port of a TCP address. */
    readonly port: number | null;
    readonly holder: string | null;
    readonly holderPid: number | null;
    /** When the holder is another stack: the folder of its config. */
    readonly holderStack: string | null;
  }) => ({
    title:
      details.port === null
        ? `${details.address} is already in use`
        : `Port ${details.port} is already in use`,
    ...placeOf(details.place),
    facts: [
      details.holder === null
        ? `who holds it is another user's secret: "ss -ltnp" as root shows it`
        : `held by ${details.holder}`,
    ],
    fixes: [
      ...(details.holderStack === null ? [] : [`stack -C ${details.holderStack} down`]),
      ...(details.holderPid === null || details.holderStack !== null
        ? []
        : [`kill ${details.holderPid}    # if that is a leftover`]),
      details.port === null
        ? "give edge.listen another path"
        : `stack up --port ${details.port + 1}    # this run only`,
    ],
  }),
);

export const portNotPermitted = defineError(
  "E2002",
  exitCodes.environment,
  (details: {
    readonly address: string;
    readonly port: number | null;
    readonly place: ConfigPlace | undefined;
    readonly user: string;
  }) => ({
    title:
      details.port === null
        ? `Not allowed to listen on ${details.address}`
        : `Not allowed to listen on port ${details.port}`,
    ...placeOf(details.place),
    facts: [
      details.port === null
        ? `user ${details.user}`
        : `user ${details.user}; ports below 1024 need a capability`,
    ],
    fixes:
      details.port === null
        ? ["choose a folder this user may write to"]
        : [
            "stack up --port 8080",
            `sudo sysctl net.ipv4.ip_unprivileged_port_start=${details.port}`,
          ],
  }),
);

export const listenFailed = defineError(
  "E2005",
  exitCodes.environment,
  (details: {
    readonly address: string;
    readonly reason: string;
    readonly place: ConfigPlace | undefined;
  }) => ({
    title: `Cannot listen on ${details.address}`,
    ...placeOf(details.place),
    facts: [details.reason],
    fixes: [
      details.address.startsWith("unix:")
        ? "see that its folder exists and this user may write to it"
        : "use an address this machine has: `ip address` lists them",
    ],
  }),
);

export const pythonMissing = defineError(
  "E2101",
  exitCodes.environment,
  (details: { app: string; tried: readonly string[]; cwd: string; place: ConfigPlace }) => ({
    title: `${details.app} needs Python, and none of these exists`,
    place: details.place,
    facts: [`looked for: ${details.tried.join(", ")}   in ${details.cwd}`],
    fixes: [
      "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
      `apps.${details.app}.python = "/usr/bin/python3"`,
    ],
  }),
);

export const pythonTooOld = defineError(
  "E2102",
  exitCodes.environment,
  (details: { app: string; python: string; version: string; place: ConfigPlace }) => ({
    title: `${details.app}: Python ${details.version} is too old (3.9 or newer is needed)`,
    place: details.place,
    facts: [details.python],
    fixes: [`apps.${details.app}.python = "/usr/bin/python3"     # or another that is new enough`],
  }),
);

export const pythonUnusable = defineError(
  "E2103",
  exitCodes.environment,
  (details: { app: string; python: string; facts: readonly string[]; place: ConfigPlace }) => ({
    title: `${details.app}: ${details.python} does not run`,
    place: details.place,
    facts: details.facts,
    fixes: [
      "rm -r .venv && python3 -m venv .venv && .venv/bin/pip install -r requirements.txt",
      `apps.${details.app}.python = "/usr/bin/python3"`,
    ],
  }),
);

export const cannotImport = defineError(
  "E3001",
  exitCodes.appNotReady,
  (details: {
    app: string;
    target: string;
    place: ConfigPlace;
    facts: readonly string[];
    fixes: readonly string[];
  }) => ({
    title: `${details.app}: cannot import "${details.target}"`,
    place: details.place,
    facts: details.facts,
    fixes: details.fixes,
  }),
);

export const cannotStart = defineError(
  "E3003",
  exitCodes.appNotReady,
  (details: { name: string; what: string; reason: string; key: string; place: ConfigPlace }) => ({
    title: `${details.name}: cannot start ${details.what}`,
    place: details.place,
    facts: [details.reason],
    fixes: [`correct ${details.key}, then: stack reload ${details.name}`],
  }),
);

export const envFileUnusable = defineError(
  "E2105",
  exitCodes.environment,
  (details: { app: string; file: string; reason: string; place: ConfigPlace }) => ({
    title: `${details.app}: its envFile cannot be used`,
    place: { ...details.place, configPath: `apps.${details.app}.envFile` },
    facts: [`${details.file}: ${details.reason}`],
    fixes: [`correct the file, then: stack reload ${details.app}`],
  }),
);

export const edgeShutOut = defineError(
  "E2406",
  exitCodes.environment,
  (details: {
    readonly user: string;
    readonly path: string;
    /** What of it is closed, and how that stands there. */
    readonly at: string;
    readonly facts: string;
    readonly isFolder: boolean;
    readonly place: ConfigPlace | undefined;
  }) => ({
    title: `The edge, as "${details.user}", cannot reach ${details.path}`,
    ...placeOf(details.place),
    facts: [`${details.at} is closed to it (${details.facts})`],
    fixes: [
      details.isFolder
        ? `chmod o+x ${details.at}    # to pass, not to read`
        : `chgrp ${details.user} ${details.at} && chmod g+r ${details.at}`,
      "lay it where the edge can reach it: below /srv, say",
    ],
  }),
);

function placeOf(place: ConfigPlace | undefined): { place: ConfigPlace } | object {
  return place === undefined ? {} : { place };
}
