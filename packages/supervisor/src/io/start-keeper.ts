/** Starts a stack's keeper, detached, and waits until it has bound its sockets or says why not. */
import { type ErrorReport, errorFromReport } from "@stack/base";
import { describeExit, spawnChild } from "@stack/process";
import { formatKeeperArguments, type KeeperOptions } from "../core/keeper-options.ts";
import { keeperEntry } from "../entries.ts";
import { keeperLost } from "../errors.ts";

/** Leftovers of an earlier run and a config each have deadlines of their own, well below this. */
const answerMs = 60_000;

/** What the keeper writes on descriptor 3, once, as one line. */
interface KeeperAnswer {
  readonly error: ErrorReport | null;
}

export interface StartedKeeper {
  readonly pid: number;
}

/**
 * Resolves when the config is valid, every socket is bound and the services are being started:
 * `wait-ready` on the control socket tells the rest.
 *
 * @param env for the keeper and all below it; see `cleanEnvironment`
 * @param evaluated the same config, which the caller evaluates anyway: stackd need not then
 * Throws what stopped it: E1xxx for the config, E2001 and E2002 for a port, E2003 when the stack
 * runs already, E2006 when the keeper died without a word.
 */
export async function startKeeper(
  options: KeeperOptions,
  env: Readonly<Record<string, string>>,
  evaluated?: Promise<unknown>,
): Promise<StartedKeeper> {
  const child = await spawnChild({
    command: [
      process.execPath,
      keeperEntry,
      ...formatKeeperArguments({ ...options, answer: true, evaluated: evaluated !== undefined }),
    ],
    cwd: "/",
    env,
    extra: ["pipe"],
  });
  const [channel] = child.pipes;
  const hand = (config: unknown): void => {
    if (channel?.writable === true) channel.write(`${JSON.stringify(config)}\n`);
  };
  evaluated?.then(hand, () => hand(null)); // the caller tells of it
  const late = setTimeout(() => child.signal("SIGKILL"), answerMs); // its stackd ends the rest
  const line = await readFirstLine(channel);
  clearTimeout(late);
  if (line === "") throw keeperLost({ reason: describeExit(await child.exited), lines: [] });
  const answer = JSON.parse(line) as KeeperAnswer;
  if (answer.error !== null) {
    await child.exited; // it cleans up before it ends
    throw errorFromReport(answer.error);
  }
  child.unref();
  return { pid: child.pid };
}

function readFirstLine(stream: NodeJS.ReadableStream | undefined): Promise<string> {
  return new Promise((done) => {
    let text = "";
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      text += chunk;
    });
    stream?.on("error", () => {});
    stream?.on("close", () => done(text.trim()));
  });
}
