/**
 * The one error type of the stack. Packages do not subclass it: each lists what can go wrong in
 * its own `errors.ts`, one `defineError` per code, so that the list reads as a table. An error
 * crosses between processes as its `ErrorReport`, which is also what `--json` prints.
 */

/** The exit codes of the command line; the list is stable and printed by `stack help exit`. */
export const exitCodes = {
  ok: 0,
  internal: 1,
  usage: 2,
  config: 3,
  environment: 4,
  appNotReady: 5,
  mixedState: 6,
  notRunning: 7,
  smokeFailed: 8,
  timeout: 9,
  differs: 10,
  locked: 75,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Where in the config a problem lies. `line` and `column` count from 1. */
export interface ConfigPlace {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** "edge.listen[0]" */
  readonly configPath?: string;
  /** The value as written there, shortened. */
  readonly value?: string;
}

/** What happened and what to do, in the user's words. Printed by the CLI in the format of the docs. */
export interface ErrorText {
  /** "Port 8080 is already in use": no code, no full stop. */
  readonly title: string;
  readonly place?: ConfigPlace;
  /** At most four lines, measured, not guessed; an app's own traceback may be longer. */
  readonly facts?: readonly string[];
  /** The most likely fix first; each is a command or an edit that can be pasted. */
  readonly fixes: readonly string[];
}

export interface ErrorReport extends ErrorText {
  /** E1xxx config, E2xxx environment, E3xxx app, E4xxx edge, E0xxx a bug of ours. */
  readonly code: string;
  readonly exit: ExitCode;
}

export class StackError<Code extends string = string> extends Error {
  override readonly name = "StackError";
  readonly code: Code;
  readonly report: ErrorReport;

  constructor(code: Code, report: ErrorReport, cause?: unknown) {
    super(report.title, { cause });
    this.code = code;
    this.report = report;
  }
}

export interface ErrorFactory<Code extends string, Details extends object> {
  (details: Details, cause?: unknown): StackError<Code>;
  readonly code: Code;
  readonly exit: ExitCode;
  /** Narrow by code, never by message. */
  readonly is: (value: unknown) => value is StackError<Code>;
}

/**
 * Defines one error of the catalogue.
 *
 * @param exit the exit code of a command that ends with this error
 */
export function defineError<Code extends string, Details extends object>(
  code: Code,
  exit: ExitCode,
  describe: (details: Details) => ErrorText,
): ErrorFactory<Code, Details> {
  function create(details: Details, cause?: unknown): StackError<Code> {
    const error = new StackError(code, { code, exit, ...describe(details) }, cause);
    Error.captureStackTrace(error, create); // the stack starts where it was thrown
    return error;
  }
  const is = (value: unknown): value is StackError<Code> =>
    value instanceof StackError && value.code === code;
  return Object.assign(create, { code, exit, is });
}

/** An error that crossed a process boundary, as an error again. */
export function errorFromReport(report: ErrorReport): StackError {
  return new StackError(report.code, report);
}

/** The report of anything that was thrown; what is not a StackError is a bug of ours (E0001). */
export function reportOf(thrown: unknown): ErrorReport {
  if (thrown instanceof StackError) return thrown.report;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return internalError({ message: error.message, stack: error.stack ?? "" }, error).report;
}

/** Makes the compiler prove that a switch over a union forgot nothing. */
export function assertNever(value: never): never {
  throw internalError({ message: `unhandled case: ${JSON.stringify(value)}`, stack: "" });
}

export const internalError = defineError(
  "E0001",
  exitCodes.internal,
  ({ message, stack }: { message: string; stack: string }) => ({
    title: `A bug in stack: ${message}`,
    facts: stack.split("\n").slice(1, 5),
    fixes: ["Please report it with this message and what you did."],
  }),
);
