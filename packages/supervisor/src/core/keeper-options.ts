/** What the keeper is told when it is started; it passes the same on to every stackd. */

export interface KeeperOptions {
  /** Absolute path of the config file, and its state folder when it is not `.stack` beside it. */
  readonly config: string;
  readonly state?: string;
  /** Absolute paths of the entry points of other packages. */
  readonly edge: string;
  readonly arbiter: string;
  /** In place of the port of the first TCP listener. */
  readonly port?: number;
  /** Every TCP listener on a port that is free, on 127.0.0.1; Unix listeners below `run/`. */
  readonly freePorts?: boolean;
  /** Stops everything when the connection that said `own` is lost, or nobody says it in time. */
  readonly owned?: boolean;
  /** `up --watch`: whoever owns the stack is writing its apps. */
  readonly watch?: boolean;
  /** Somebody waits on descriptor 3 to hear how the start went. */
  readonly answer?: boolean;
  /** They evaluate the config too, and write it there: one line of JSON, null when that failed. */
  readonly evaluated?: boolean;
}

const flagNames: ReadonlySet<string> = new Set([
  "free-ports",
  "owned",
  "watch",
  "answer",
  "evaluated",
]);
const texts = ["config", "state", "edge", "arbiter"] as const;

export function formatKeeperArguments(options: KeeperOptions): string[] {
  return [
    ...texts.flatMap((name) => {
      const value = options[name];
      return value === undefined ? [] : [`--${name}`, value];
    }),
    ...(options.port === undefined ? [] : ["--port", String(options.port)]),
    ...(options.freePorts === true ? ["--free-ports"] : []),
    ...(options.owned === true ? ["--owned"] : []),
    ...(options.watch === true ? ["--watch"] : []),
    ...(options.answer === true ? ["--answer"] : []),
    ...(options.evaluated === true ? ["--evaluated"] : []),
  ];
}

/** Reads what `formatKeeperArguments` wrote; throws on anything else. */
export function parseKeeperArguments(args: readonly string[]): KeeperOptions {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let index = 0; index < args.length; index += 1) {
    const name = args[index]?.replace(/^--/, "") ?? "";
    if (flagNames.has(name)) {
      flags.add(name);
    } else {
      index += 1;
      values.set(name, args[index] ?? "");
    }
  }
  const [config, state, edge, arbiter] = texts.map((name) => values.get(name));
  if (config === undefined || edge === undefined || arbiter === undefined) {
    throw new Error(`not the arguments of a keeper: ${args.join(" ")}`);
  }
  const port = values.get("port");
  return {
    config,
    edge,
    arbiter,
    ...(state === undefined ? {} : { state }),
    ...(port === undefined ? {} : { port: Number(port) }),
    freePorts: flags.has("free-ports"),
    owned: flags.has("owned"),
    watch: flags.has("watch"),
    answer: flags.has("answer"),
    evaluated: flags.has("evaluated"),
  };
}
