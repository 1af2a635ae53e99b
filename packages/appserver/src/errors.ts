/** What can go wrong while an app starts or runs, in the words `stack` prints. */
import { type ConfigPlace, defineError, exitCodes } from "@stack/base";

export const importRaised = defineError(
  "E3002",
  exitCodes.appNotReady,
  (details: {
    app: string;
    target: string;
    place: ConfigPlace;
    traceback: readonly string[];
    /** Better ones than the usual, where the error is known. */
    fixes?: readonly string[] | undefined;
  }) => ({
    title: `${details.app}: importing "${details.target}" raised an error`,
    place: details.place,
    facts: details.traceback,
    fixes: details.fixes ?? [`correct the error above, then: stack reload ${details.app}`],
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

export const stoppedMeanwhile = defineError(
  "E3007",
  exitCodes.appNotReady,
  ({ app }: { app: string }) => ({
    title: `${app} was stopped before it was ready`,
    fixes: [`stack start ${app}`],
  }),
);
