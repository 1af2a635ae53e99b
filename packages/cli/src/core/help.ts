/** What `--help` prints. Examples come before flags; nothing is wider than 80 or longer than 24 lines. */

export interface CommandHelp {
  readonly usage: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Command line and what it is for. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  readonly exits: string;
  readonly notes?: readonly string[];
}

export const commandHelp = {
  up: {
    usage: "stack up [-d] [--no-tui] [--port N] [--watch]",
    summary: "start everything and stay, with the dashboard in a terminal",
    examples: [
      ["stack up", "start, show the dashboard; Ctrl-C stops everything"],
      ["stack up -d", "start in the background, return when all is ready"],
      ["stack up --no-tui", "plain lines in place of the dashboard"],
      ["stack up --port 8081", "another port, this run only"],
      ["stack up --watch", "reload each app when its files change"],
    ],
    exits: "0 ok  3 config  4 environment  5 app not ready  9 timeout  75 running",
  },
  serve: {
    usage: "stack serve MODULE:APP [--bind ADDR]... [--protocol P] [--workers N]",
    summary: "one app, alone behind nginx, Apache or another web server",
    examples: [
      ["stack serve shop.wsgi:app", "on 127.0.0.1:8000"],
      ["stack serve chat:app --kind asgi -b :80", ""],
      ["stack serve shop -b unix:u.sock --protocol uwsgi", ""],
    ],
    exits: "0 ok  4 environment  5 app not ready  75 running",
    notes: ["status, reload, down: from the same folder. docs/guides has more flags."],
  },
  down: {
    usage: "stack down [--now]",
    summary: "drain and stop everything; nothing is left behind",
    examples: [
      ["stack down", "running requests are finished first"],
      ["stack down --now", "at once: running requests are cut off"],
    ],
    exits: "0 stopped  7 nothing runs here",
  },
  status: {
    usage: "stack status [--json]",
    summary: "services, workers, pids, states",
    examples: [
      ["stack status", "a table"],
      ["stack status --json", "the same as stack.status/1"],
    ],
    exits: "0 healthy  5 degraded  7 not running",
  },
  metrics: {
    usage: "stack metrics [--json]",
    summary: "requests, durations, queues, restarts, as Prometheus reads them",
    examples: [
      ["stack metrics", "all of it"],
      ["stack metrics | grep queue", ""],
    ],
    exits: "0 ok  5 the edge does not answer  7 not running",
    notes: ["To have Prometheus read them itself: `edge.admin` in the config."],
  },
  requests: {
    usage: "stack requests [NAME...] [--json]",
    summary: "what is running now, where, and for how long; the oldest first",
    examples: [
      ["stack requests", "all of them"],
      ["stack requests shop", "of one app"],
      ["stack requests shop-1.2", "of one worker"],
    ],
    exits: "0 ok  7 not running",
    notes: ["States: receiving, queued, running, answering, tunnel."],
  },
  top: {
    usage: "stack top",
    summary: "the dashboard, attached; q leaves, the services keep running",
    examples: [
      ["stack top", "watch and steer"],
      ["stack top | cat", "no terminal: one table, as `stack status`"],
    ],
    exits: "0 ok  7 not running",
  },
  logs: {
    usage: "stack logs [NAME...] [-f] [-n N]",
    summary: "the logs of all services in one stream, also when nothing runs",
    examples: [
      ["stack logs", "the last 100 lines"],
      ["stack logs -f", "go on as lines come; Ctrl-C ends it"],
      ["stack logs shop -n 20", "one app: all its workers"],
      ["stack logs shop-1.2 edge", "one worker, and the edge"],
    ],
    exits: "0 ok  7 no logs here",
  },
  reload: {
    usage: "stack reload [NAME...] [--canary P%]",
    summary: "apply changed config and code with no request lost",
    examples: [
      ["stack reload", "the config, and every app whose turn it is"],
      ["stack reload shop", "only this app"],
      ["stack reload --canary 10%", "a tenth of the visitors first; bad code goes back"],
    ],
    exits: "0 ok  3 config  4 environment  5 not ready, the old stays  7 75",
  },
  restart: {
    usage: "stack restart NAME...",
    summary: "stop and start services: their requests wait or get 503 meanwhile",
    examples: [["stack restart jobs", "for an app, `stack reload` loses nothing"]],
    exits: "0 ok  5 not ready  7 not running  75 another change under way",
  },
  start: {
    usage: "stack start NAME...",
    summary: "start services that were stopped or have given up",
    examples: [["stack start jobs", ""]],
    exits: "0 ok  5 not ready  7 not running  75 another change under way",
  },
  stop: {
    usage: "stack stop NAME...",
    summary: "drain and stop services; their routes answer 503",
    examples: [["stack stop jobs", ""]],
    exits: "0 ok  7 not running  75 another change under way",
  },
  scale: {
    usage: "stack scale NAME=N...",
    summary: "change the number of workers per instance until the next `up`",
    examples: [
      ["stack scale shop=4", "4 workers in each instance of shop"],
      ["stack scale shop=4 api=1", ""],
      ["stack scale shop=auto", "as the config says again: { min, max }"],
    ],
    exits: "0 ok  2 usage  5 not ready  7 not running  75",
    notes: ["For an app of kind `command`, N is the number of instances."],
  },
  maintenance: {
    usage: "stack maintenance [on|off|pause|resume] [--page FILE]",
    summary: "refuse requests with a page, or let them wait",
    examples: [
      ["stack maintenance on --page down.html", "503 with this page"],
      ["stack maintenance off", ""],
      ["stack maintenance pause --hold 2m", "for a short migration"],
      ["stack maintenance resume", "those that wait go first"],
    ],
    exits: "0 ok  2 usage  7 not running",
    notes: ["Routes with `duringMaintenance: true` go on answering."],
  },
  cache: {
    usage: "stack cache stats|ls [U]|purge --tag T|--prefix U|--url U|--all [--soft]",
    summary: "what is kept of the answers, and how to let go of it",
    examples: [
      ["stack cache stats", "memory, hits, misses"],
      ["stack cache ls shop.test/blog/", "what is kept below it"],
      ["stack cache purge --tag product-7", "as `Cache-Tag` says"],
      ["stack cache purge --prefix shop.test/ --soft", "stale, not gone"],
    ],
    exits: "0 ok  2 usage  7 not running",
    notes: ["A URL without http:// or https:// is both."],
  },
  explain: {
    usage: "stack explain METHOD URL [-H 'Name: value'] [--client ADDR]",
    summary: "which route and app would answer, and why; sends nothing",
    examples: [
      ["stack explain GET /api/users", ""],
      ["stack explain GET http://shop.test/ -H 'Cookie: a=b'", ""],
    ],
    exits: "0 ok  2 usage  3 config",
  },
  check: {
    usage: "stack check [--print]",
    summary: "config, files, modules, interpreters, ports; starts nothing",
    examples: [
      ["stack check", "before a deploy"],
      ["stack check --print", "the config with every default, as JSON"],
    ],
    exits: "0 ok  3 config  4 environment",
  },
  smoke: {
    usage: "stack smoke [--junit FILE]",
    summary: "for CI: start on free ports, run the checks, kill, stop, report",
    examples: [
      ["stack smoke", ""],
      ["stack smoke --junit smoke.xml --timeout 90s", ""],
    ],
    exits: "0 ok  3 config  4 environment  5 not ready  8 failed  9 timeout",
    notes: ["Kills one worker and one edge and sees them come back. Leaves nothing."],
  },
} as const satisfies Readonly<Record<string, CommandHelp>>;

export type CommandName = keyof typeof commandHelp;

export const commandNames = Object.keys(commandHelp) as readonly CommandName[];

export const globalFlags: readonly (readonly [flags: string, what: string])[] = [
  ["-c, --config FILE", "the config; else deploy.config.ts here or above"],
  ["-C, --cwd DIR", "as if started there"],
  ["--json", "data as one JSON document on stdout"],
  ["--timeout DUR", "give up waiting after this long: 90s, 5m"],
  ["--no-input", "never ask"],
  ["-q, --quiet", "no talk on stderr"],
  ["-v, --verbose", "more of it; stack traces of our own errors"],
];

export const rootHelp = `stack runs a web app the way nginx + gunicorn + supervisor do, from one file.

  stack up                   start everything and open the dashboard
  stack reload               apply changed config or code, no request lost
  stack smoke                start, check, kill, stop: for CI

Run       check  up  serve  down  smoke
Watch     explain  status  requests  top  logs  metrics  cache
Change    reload  restart  start  stop  scale  maintenance
Help      help COMMAND  help exit

Flags     -c, --config FILE   -C, --cwd DIR   --json   --timeout DUR
          --no-input   -q, --quiet   -v, --verbose   -h, --help   --version
Exit      0 ok  2 usage  3 config  4 environment  5 app not ready
          7 not running  75 locked  (all: stack help exit)
Docs      docs/reference/cli.md`;

/** @param flags the command's own, without the global ones */
export function formatCommandHelp(
  help: CommandHelp,
  flags: readonly (readonly [flags: string, what: string])[],
): string {
  const width = Math.max(...help.examples.map(([command]) => command.length)) + 3;
  const lines = [
    `${help.usage.split(" ").slice(0, 2).join(" ")}: ${help.summary}`,
    "",
    ...help.examples.map(([command, what]) => `  ${command.padEnd(width)}${what}`.trimEnd()),
    "",
    `Usage   ${help.usage}`,
    ...listFlags("Flags   ", flags),
    ...listFlags("Global  ", globalFlags),
    ...(help.notes ?? []).map((note) => `Note    ${note}`),
    `Exit    ${help.exits}`,
  ];
  return lines.join("\n");
}

function listFlags(
  label: string,
  flags: readonly (readonly [flags: string, what: string])[],
): string[] {
  return flags.map(
    ([flag, what], index) => `${index === 0 ? label : " ".repeat(8)}${flag.padEnd(20)}${what}`,
  );
}
