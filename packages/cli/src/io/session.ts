/**
 * What a command works with: its flags, where it stands, and how it speaks. Data goes to stdout,
 * talk to stderr, errors through `report` alone.
 */
import { dirname, resolve } from "node:path";
import { type ErrorReport, parseDuration } from "@stack/base";
import { findConfig } from "@stack/config";
import { resolveStatePaths, type StatePaths } from "@stack/control";
import { type ErrorStyle, formatErrors, formatGithubError } from "../core/error-block.ts";
import { formatData, formatErrorDocument } from "../core/json.ts";
import {
  createPaint,
  decideColor,
  decideUnicode,
  type Environment,
  type Paint,
} from "../core/paint.ts";
import { badArguments } from "../errors.ts";

/** The process a command runs in; `bin/stack.ts` fills it in, tests fill it with their own. */
export interface CliContext {
  readonly env: Environment;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The flags every command takes, before or after its name. */
export interface GlobalFlags {
  readonly config?: string | undefined;
  readonly cwd?: string | undefined;
  readonly json?: boolean | undefined;
  readonly input?: boolean | undefined;
  readonly timeout?: string | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** What a command gets: the flags of all commands, and the process it runs in. */
export interface Invocation {
  readonly context: CliContext;
  readonly flags: GlobalFlags;
}

export interface Session {
  readonly context: CliContext;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly timeoutMs: number | undefined;
  /** Where the command stands, after `-C`. */
  readonly folder: string;
  readonly unicode: boolean;
  /** For stdout and for stderr: either may be a pipe. */
  readonly paint: Paint;
  readonly talkPaint: Paint;
  /** Data for people, on stdout; nothing with `--json`. */
  readonly print: (text: string) => void;
  /** The document of `--json`; nothing without it. */
  readonly data: (command: string, data: unknown, ok?: boolean) => void;
  /** Talk, on stderr, unless `-q`. */
  readonly say: (text: string) => void;
  readonly report: (reports: readonly ErrorReport[]) => void;
}

/** Where a command finds its stack. */
export interface StackPlace {
  readonly config: string;
  readonly folder: string;
  readonly paths: StatePaths;
}

export function createSession(context: CliContext, flags: GlobalFlags): Session {
  const { stdout, stderr, env } = context;
  const json = flags.json === true;
  const quiet = flags.quiet === true;
  const unicode = decideUnicode(env);
  const folder = resolve(context.cwd, flags.cwd ?? ".");
  const talkPaint = createPaint(decideColor(env, stderr.isTTY === true));
  const style: ErrorStyle = { paint: talkPaint, unicode, folder };
  return {
    context,
    json,
    quiet,
    verbose: flags.verbose === true,
    timeoutMs: parseTimeout(flags.timeout),
    folder,
    unicode,
    paint: createPaint(decideColor(env, stdout.isTTY === true)),
    talkPaint,
    print: (text) => {
      if (!json) stdout.write(`${text}\n`);
    },
    data: (command, data, ok) => {
      if (json) stdout.write(`${formatData(command, data, ok)}\n`);
    },
    say: (text) => {
      if (!quiet) stderr.write(`${text}\n`);
    },
    report: (reports) => {
      stderr.write(`${formatErrors(reports, style)}\n`);
      if (env["GITHUB_ACTIONS"] !== undefined) {
        for (const report of reports) stderr.write(`${formatGithubError(report, folder)}\n`);
      }
      const [first, ...others] = reports;
      if (json && first !== undefined) stdout.write(`${formatErrorDocument(first, ...others)}\n`);
    },
  };
}

/** Throws E1000 when there is no config here or above. */
export function findStack(session: Session, flags: GlobalFlags): StackPlace {
  const named = flags.config ?? session.context.env["STACK_CONFIG"];
  const config = findConfig(session.folder, named);
  return { config, folder: dirname(config), paths: resolveStatePaths(config) };
}

function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw badArguments({
    problem: `"${text}" is not a duration. Use 30s, 5m or 1500ms`,
    usage: "stack COMMAND --timeout 90s",
  });
}
