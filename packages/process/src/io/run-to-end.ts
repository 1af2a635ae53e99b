/** A short-lived child whose answer is wanted: run it, collect what it says, do not wait for ever. */
import type { Readable } from "node:stream";
import type { ExitStatus } from "../core/lifecycle.ts";
import { type ChildSpec, spawnChild } from "./spawn-child.ts";

export interface RunOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** It is killed, with its process group, after this. */
  readonly deadlineMs: number;
  /** Gives it a pipe as descriptor 3 and collects what it writes there. */
  readonly fd3?: boolean;
  /** Who it runs as; ourselves unless said otherwise. */
  readonly user?: ChildSpec["user"];
  /** Of each stream; what is beyond is dropped. 16 MB unless said otherwise. */
  readonly limitBytes?: number;
}

export interface RunResult extends ExitStatus {
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly fd3: string;
}

/** How long its streams may stay open after its end. */
const lastWordsMs = 500;

/** Rejects with the system's error when the command cannot be started at all. */
export async function runToEnd(
  command: ChildSpec["command"],
  options: RunOptions,
): Promise<RunResult> {
  const limit = options.limitBytes ?? 16 * 2 ** 20;
  const child = await spawnChild({
    command,
    cwd: options.cwd,
    env: options.env,
    ...(options.user === undefined ? {} : { user: options.user }),
    stdout: "pipe",
    stderr: "pipe",
    extra: options.fd3 === true ? ["pipe"] : [],
  });
  const streams = [child.stdout, child.stderr, child.pipes[0] ?? null];
  const collected = streams.map((stream) => collect(stream, limit));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.signal("SIGKILL");
  }, options.deadlineMs);
  const status = await child.exited;
  clearTimeout(timer);
  child.signal("SIGKILL"); // what it may have left behind holds our pipes open
  const cut = setTimeout(() => {
    for (const stream of streams) stream?.destroy(); // and what left its process group still does
  }, lastWordsMs);
  const [stdout = "", stderr = "", fd3 = ""] = await Promise.all(collected);
  clearTimeout(cut);
  return { ...status, timedOut, stdout, stderr, fd3 };
}

function collect(stream: Readable | null, limit: number): Promise<string> {
  return new Promise((done) => {
    if (stream === null) {
      done("");
      return;
    }
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      if (text.length < limit) text += chunk.slice(0, limit - text.length);
    });
    stream.on("error", () => {});
    stream.on("close", () => done(text));
  });
}
