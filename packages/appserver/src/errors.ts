/** What can go wrong while an app starts or runs, in the words `stack` prints. */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

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

export const importRaised = defineError(
  "E3002",
  exitCodes.appNotReady,
  (details: { app: string; target: string; place: ConfigPlace; traceback: readonly string[] }) => ({
    title: `${details.app}: importing "${details.target}" raised an error`,
    place: details.place,
    facts: details.traceback,
    fixes: [`correct the error above, then: stack reload ${details.app}`],
  }),
);

export const crashLoop = defineError(
  "E3101",
  exitCodes.appNotReady,
  (details: {
    app: string;
    worker: string;
    failures: number;
    withinMs: number;
    reason: string;
    facts: readonly string[];
    place: ConfigPlace;
  }) => ({
    title: `${details.app}: ${details.worker} ended ${details.failures} times in ${Math.max(1, Math.round(details.withinMs / 1000))}s`,
    place: details.place,
    facts: [`${details.reason}, each time soon after its start`, ...details.facts],
    fixes: [`stack logs ${details.app}`, `stack restart ${details.app}   # tries again at once`],
  }),
);

export const bootTimeout = defineError(
  "E3201",
  exitCodes.appNotReady,
  (details: { app: string; timeoutMs: number; facts: readonly string[]; place: ConfigPlace }) => ({
    title: `${details.app} was not ready in ${details.timeoutMs / 1000}s`,
    place: details.place,
    facts: details.facts,
    fixes: [
      `apps.${details.app}.bootTimeout = "${(details.timeoutMs * 4) / 1000}s"     # if it is only slow`,
      `stack logs ${details.app}`,
    ],
  }),
);

export const healthFailing = defineError(
  "E3202",
  exitCodes.appNotReady,
  (details: {
    app: string;
    path: string;
    worker: string;
    answer: string;
    timeoutMs: number;
    place: ConfigPlace;
  }) => ({
    title: `${details.app}: the health check GET ${details.path} fails`,
    place: details.place,
    facts: [
      `${details.worker}: ${details.answer}; 200 to 399 is wanted, asked with Host: localhost, for ${details.timeoutMs / 1000}s`,
    ],
    fixes: [
      `make GET ${details.path} answer 200, then: stack reload ${details.app}`,
      `apps.${details.app}.health = "/"     # or another path that answers`,
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

export const libraryMissing = defineError(
  "E2104",
  exitCodes.environment,
  (details: { app: string; library: string; python: string; place: ConfigPlace }) => ({
    title: `${details.app}: worker "${details.library}" needs the ${details.library} library`,
    place: details.place,
    facts: [`${details.python} has no module "${details.library}"`],
    fixes: [
      `${details.python} -m pip install ${details.library}`,
      `apps.${details.app}.threads = 4     # in place of apps.${details.app}.worker: no library is needed`,
    ],
  }),
);

export const startupFailed = defineError(
  "E3008",
  exitCodes.appNotReady,
  (details: { app: string; target: string; place: ConfigPlace; said: readonly string[] }) => ({
    title: `${details.app}: the startup of "${details.target}" failed`,
    place: details.place,
    facts: details.said.slice(-20),
    fixes: [`correct what it says, then: stack reload ${details.app}`],
  }),
);

export const cannotStart = defineError(
  "E3003",
  exitCodes.appNotReady,
  (details: { app: string; command: string; reason: string; place: ConfigPlace }) => ({
    title: `${details.app}: cannot start ${details.command}`,
    place: details.place,
    facts: [details.reason],
    fixes: [`correct apps.${details.app}, then: stack reload ${details.app}`],
  }),
);

export const stoppedMeanwhile = defineError(
  "E3007",
  exitCodes.appNotReady,
  ({ app }: { app: string }) => ({
    title: `${app} was stopped before it was ready`,
    fixes: [`stack start ${app}`],
  }),
);
