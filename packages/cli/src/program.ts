/**
 * The `stack` command as commander sees it: names, flags, who carries each out. Parsing mistakes
 * become errors of our own, with "did you mean" and one usage line.
 */
import { Command, CommanderError, Option } from "@commander-js/extra-typings";
import { runCache } from "./commands/cache.ts";
import { runCheck } from "./commands/check.ts";
import { runDown } from "./commands/down.ts";
import { runExplain } from "./commands/explain.ts";
import { runLogs } from "./commands/logs.ts";
import { runMaintenance } from "./commands/maintenance.ts";
import { runMetrics } from "./commands/metrics.ts";
import { runNothing } from "./commands/nothing.ts";
import { runReload } from "./commands/reload.ts";
import { runRequests } from "./commands/requests.ts";
import { runScale } from "./commands/scale.ts";
import { runServe } from "./commands/serve.ts";
import { runService } from "./commands/service.ts";
import { runSmoke } from "./commands/smoke.ts";
import { runStatus } from "./commands/status.ts";
import { runTop } from "./commands/top.ts";
import { runUp } from "./commands/up.ts";
import { formatExitRows } from "./core/exit-table.ts";
import {
  type CommandName,
  commandHelp,
  commandNames,
  formatCommandHelp,
  globalFlags,
  rootHelp,
} from "./core/help.ts";
import { suggest } from "./core/suggest.ts";
import { badArguments, unknownCommand, unknownFlag } from "./errors.ts";
import type { CliContext, Invocation } from "./io/session.ts";

export interface ProgramResult {
  exit: number;
}

/** @param result is given the exit code of the command that ran */
export function createProgram(context: CliContext, result: ProgramResult): Command {
  const program = new Command("stack");
  // The flags are read back through the program: commander takes them before and after a command.
  for (const [flags] of globalFlags) program.option(flags.replace(/ ([A-Z]+)$/, " <$1>"));
  program.option("--version");

  const run = async (body: (invocation: Invocation) => Promise<number>): Promise<void> => {
    result.exit = await body({ context, flags: program.opts() });
  };

  program.argument("[command]").action(async (word) => {
    if (word !== undefined) throw unknownWord(word);
    await run(runNothing);
  });
  program
    .command("up")
    .option("-d, --detach", "return when all is ready")
    .option("--no-tui", "plain lines, no dashboard")
    .option("--port <n>", "listen there in place of the first port of the config")
    .option("--watch", "reload each app when its files change")
    .action((options) => run((invocation) => runUp(invocation, options)));
  program
    .command("serve")
    .argument("<module:app>")
    .option("-b, --bind <addr>", "HOST:PORT, PORT, unix:PATH; PROTOCOL://ADDR", collect, none)
    .option("--protocol <p>", "http, uwsgi, fastcgi or scgi, of binds that say none")
    .option("-w, --workers <n>", "worker processes (one per core)")
    .option("--threads <n>", "requests a WSGI worker serves at once (1)")
    .option("--kind <kind>", "wsgi, asgi or node (wsgi; node for a script)")
    .option("--python <file>", "the interpreter (.venv, venv, python3)")
    .option("--request-timeout <dur>", "longest request (30s)")
    .option("--socket-mode <mode>", "of Unix sockets (666)")
    // These are told of in the guide.
    .addOption(new Option("--worker <w>", "of WSGI: sync, gevent or eventlet").hideHelp())
    .addOption(new Option("--max-requests <n>", "replace a worker after so many").hideHelp())
    .addOption(new Option("--health <path>", "what a ready worker answers").hideHelp())
    .addOption(new Option("--no-preload", "import the app in each worker").hideHelp())
    .addOption(new Option("--name <name>", "its name (from MODULE)").hideHelp())
    .addOption(new Option("--state <dir>", "for .stack/serve/NAME").hideHelp())
    .addOption(new Option("--no-tui", "plain lines, no dashboard").hideHelp())
    .addOption(new Option("--watch", "reload when files change").hideHelp())
    .addOption(
      new Option("--trust <net>", "believe its X-Forwarded-* (this machine)")
        .hideHelp()
        .argParser(collect)
        .default(none),
    )
    .action((target, options) => run((invocation) => runServe(invocation, target, options)));
  program
    .command("down")
    .option("--now", "do not wait for running requests")
    .action((options) => run((invocation) => runDown(invocation, options)));
  program.command("status").action(() => run(runStatus));
  program.command("metrics").action(() => run(runMetrics));
  program
    .command("requests")
    .argument("[names...]")
    .action((names) => run((invocation) => runRequests(invocation, names)));
  program.command("top").action(() => run(runTop));
  program
    .command("logs")
    .argument("[names...]")
    .option("-f, --follow", "go on as lines come")
    .option("-n, --lines <n>", "how many of the last lines (100)")
    .action((names, options) => run((invocation) => runLogs(invocation, names, options)));
  program
    .command("reload")
    .argument("[names...]")
    .option("--canary <percent>", "this share of the requests first: 10%")
    .action((names, options) => run((invocation) => runReload(invocation, names, options)));
  for (const op of ["restart", "start", "stop"] as const) {
    program
      .command(op)
      .argument("<names...>")
      .action((names) => run((invocation) => runService(invocation, op, names)));
  }
  program
    .command("scale")
    .argument("<name=n...>")
    .action((changes) => run((invocation) => runScale(invocation, changes)));
  program
    .command("maintenance")
    .argument("[on|off|pause|resume]")
    .option("--page <file>", "shown in place of our own page for 503")
    .option("--retry-after <dur>", "when clients may ask again (60s)")
    .option("--hold <dur>", "with pause: how long a request waits at most")
    .action((word, options) => run((invocation) => runMaintenance(invocation, word, options)));
  program
    .command("cache")
    .argument("<stats|ls|purge>")
    .argument("[url]")
    .option("--tag <tag>", "purge: what the app gave this tag", collect, none)
    .option("--prefix <url>", "purge: every URL that begins so", collect, none)
    .option("--url <url>", "purge: this URL, all its variants", collect, none)
    .option("--all", "purge: everything")
    .option("--soft", "purge: keep it as stale, for when the app fails")
    .option("-n, --lines <n>", "ls: how many at most (100)")
    .action((word, url, options) => run((invocation) => runCache(invocation, word, url, options)));
  program
    .command("explain")
    .argument("<method>")
    .argument("<url>")
    .option("-H, --header <line>", "a header of the request, as often as needed", collect, none)
    .option("--client <addr>", "the address it comes from (127.0.0.1)")
    .action((method, url, options) =>
      run((invocation) => runExplain(invocation, method, url, options)),
    );
  program
    .command("check")
    .option("--print", "the resolved config as JSON")
    .action((options) => run((invocation) => runCheck(invocation, options)));
  program
    .command("smoke")
    .option("--junit <file>", "also write a JUnit report")
    .action((options) => run((invocation) => runSmoke(invocation, options)));
  program
    .command("help")
    .argument("[topic]")
    .action((topic) => {
      context.stdout.write(`${helpOn(program, topic)}\n`);
    });

  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .helpCommand(false)
      .configureOutput({ writeErr: () => {}, writeOut: (text) => context.stdout.write(text) })
      .configureHelp({ formatHelp: (shown) => `${helpOn(program, shown.name())}\n` });
  }
  return program as unknown as Command;
}

/** Of an option that may come more than once. */
const none: readonly string[] = [];

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

/** What to throw for what commander throws; undefined when help was asked for and printed. */
export function translateParseError(error: unknown, words: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  if (error.exitCode === 0) return undefined;
  const name = commandNames.find((command) => words.includes(command));
  const usage = name === undefined ? "stack COMMAND [flags]" : commandHelp[name].usage;
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownCommand":
      return unknownWord(quoted);
    case "commander.unknownOption": {
      const flag = quoted.split("=", 1)[0] ?? quoted;
      return unknownFlag({ flag, nearest: suggest(flag, flagNames(name)), usage });
    }
    default:
      return badArguments({ problem: sentence(error.message), usage });
  }
}

function unknownWord(word: string): Error {
  const names = [...commandNames, "help"];
  return unknownCommand({ word, nearest: suggest(word, names), usage: "stack COMMAND [flags]" });
}

/** What `stack help TOPIC` prints: a command, "exit", or everything. */
export function helpOn(program: Pick<Command, "commands">, topic: string | undefined): string {
  if (topic === undefined || topic === "stack" || topic === "help") return rootHelp;
  if (topic === "exit") return `Exit codes of every command:\n\n${formatExitRows()}`;
  const command = program.commands.find((candidate) => candidate.name() === topic);
  if (command === undefined || !isCommandName(topic)) throw unknownWord(topic);
  const flags = command.options
    .filter((option) => !option.hidden)
    .map((option) => [option.flags.replace(/<(\w+)>/, upper), option.description] as const);
  return formatCommandHelp(commandHelp[topic], flags);
}

function flagNames(name: CommandName | undefined): string[] {
  const usage = name === undefined ? "" : commandHelp[name].usage;
  const own = usage.match(/--[a-z-]+/g) ?? [];
  const global = globalFlags.flatMap(([flags]) => flags.match(/--[a-z-]+/g) ?? []);
  return [...own, ...global, "--help", "--version", ...(name === "up" ? ["--detach"] : [])];
}

function isCommandName(name: string): name is CommandName {
  return name in commandHelp;
}

function upper(_match: string, name: string): string {
  return name.toUpperCase();
}

/** "error: missing required argument 'names'" as a title of ours. */
function sentence(message: string): string {
  const text = message
    .replace(/^error: /, "")
    .split("\n")[0]
    ?.replace(/'([^']*)'/g, '"$1"')
    .replace(/\.$/, "");
  return text === undefined || text === ""
    ? "Bad arguments"
    : text.charAt(0).toUpperCase() + text.slice(1);
}
