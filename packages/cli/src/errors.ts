/** What can go wrong in the command line itself. The whole catalogue is docs/reference/errors.md. */
import { defineError, exitCodes, formatDuration } from "@stack/base";

export const unknownCommand = defineError(
  "E6001",
  exitCodes.usage,
  ({ word, nearest, usage }: { word: string; nearest: string | undefined; usage: string }) => ({
    title: `Unknown command "${word}"${nearest === undefined ? "" : `. Did you mean "${nearest}"?`}`,
    facts: [`usage: ${usage}`],
    fixes: [],
  }),
);

export const unknownFlag = defineError(
  "E6002",
  exitCodes.usage,
  ({ flag, nearest, usage }: { flag: string; nearest: string | undefined; usage: string }) => ({
    title: `Unknown flag ${flag}${nearest === undefined ? "" : `. Did you mean ${nearest}?`}`,
    facts: [`usage: ${usage}`],
    fixes: [],
  }),
);

export const badArguments = defineError(
  "E6003",
  exitCodes.usage,
  ({ problem, usage }: { problem: string; usage: string }) => ({
    title: problem,
    facts: [`usage: ${usage}`],
    fixes: [],
  }),
);

export const timedOut = defineError(
  "E6005",
  exitCodes.timeout,
  ({ what, timeoutMs }: { what: string; timeoutMs: number }) => ({
    title: `Not done within ${timeoutMs < 1000 ? `${timeoutMs}ms` : formatDuration(timeoutMs)}: ${what}`,
    facts: ["it may still be going on"],
    fixes: ["stack status", "a longer --timeout"],
  }),
);

export const smokeFailed = defineError(
  "E6101",
  exitCodes.smokeFailed,
  ({ failed, total, facts }: { failed: number; total: number; facts: readonly string[] }) => ({
    title: `${failed} of ${total} checks failed`,
    facts,
    fixes: ["make the app answer as `smoke` in the config says", "stack up, then try it by hand"],
  }),
);

export const notRunning = defineError(
  "E2007",
  exitCodes.notRunning,
  ({ folder }: { folder: string }) => ({
    title: "Nothing runs here",
    facts: [`no stack answers in ${folder}`],
    fixes: ["stack up"],
  }),
);

export const endedByItself = defineError(
  "E2008",
  exitCodes.internal,
  ({ stack, logs }: { stack: string; logs: string }) => ({
    title: `The keeper of ${stack} was killed; everything has been stopped`,
    facts: [`its last words are in ${logs}`],
    fixes: ["stack up", "stack logs keeper stackd"],
  }),
);

export const cannotKeepState = defineError(
  "E2010",
  exitCodes.environment,
  ({ folder, reason }: { folder: string; reason: string }) => ({
    title: `Cannot write to ${folder}`,
    facts: [`${reason}: that is where the state of what is served would be kept`],
    fixes: ["--state DIR, a folder this user may write to", "make the folder writable"],
  }),
);

export const cannotStop = defineError(
  "E2009",
  exitCodes.mixedState,
  ({ pid, logs }: { pid: number; logs: string }) => ({
    title: `The keeper (pid ${pid}) does not stop`,
    facts: [`what it does is in ${logs}`],
    fixes: [`kill -9 ${pid}; stack up cleans what it leaves`],
  }),
);
