/** What `stack check` finds before anything is started: the same codes as the start would give, exit 4. */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

export const portTaken = defineError(
  "E2001",
  exitCodes.environment,
  (details: { address: string; port: number | null; place: ConfigPlace }) => ({
    title:
      details.port === null
        ? `${details.address} is already in use`
        : `Port ${details.port} is already in use`,
    place: details.place,
    fixes: [
      details.port === null
        ? `see who has it: fuser ${details.address.replace(/^unix:/, "")}`
        : `see who has it: ss -ltnp "sport = :${details.port}"`,
      ...(details.port === null ? [] : [`stack up --port ${details.port + 1}    # this run only`]),
    ],
  }),
);

export const portRefused = defineError(
  "E2002",
  exitCodes.environment,
  (details: { address: string; port: number | null; reason: string; place: ConfigPlace }) => ({
    title:
      details.port === null
        ? `Not allowed to listen on ${details.address}`
        : `Not allowed to listen on port ${details.port}`,
    place: details.place,
    facts: [details.reason],
    fixes:
      details.port !== null && details.port < 1024
        ? [
            "stack up --port 8080",
            `sudo sysctl net.ipv4.ip_unprivileged_port_start=${details.port}`,
          ]
        : ["use an address this machine has and this user may use"],
  }),
);

export const noPython = defineError(
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

export const oldPython = defineError(
  "E2102",
  exitCodes.environment,
  (details: { app: string; python: string; version: string; place: ConfigPlace }) => ({
    title: `${details.app}: Python ${details.version} is too old (3.9 or newer is needed)`,
    place: details.place,
    facts: [details.python],
    fixes: [`apps.${details.app}.python = "/usr/bin/python3"     # or another that is new enough`],
  }),
);

export const brokenPython = defineError(
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

export const noModule = defineError(
  "E3001",
  exitCodes.environment,
  (details: {
    app: string;
    target: string;
    facts: readonly string[];
    fixes: readonly string[];
    place: ConfigPlace;
  }) => ({
    title: `${details.app}: cannot import "${details.target}"`,
    place: details.place,
    facts: details.facts,
    fixes: details.fixes,
  }),
);

export const noProgram = defineError(
  "E3003",
  exitCodes.environment,
  (details: { name: string; what: string; reason: string; key: string; place: ConfigPlace }) => ({
    title: `${details.name}: cannot start ${details.what}`,
    place: details.place,
    facts: [details.reason],
    fixes: [`correct ${details.key} in the config`],
  }),
);
