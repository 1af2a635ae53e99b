/**
 * Arrivals that do not wait for answers: requests come at random moments whether the server keeps
 * up or not, and a latency is counted from the moment a request was due. The same seed is the same
 * arrivals, so that every server meets the same bad luck.
 */
import { Agent, get } from "node:http";
import { setTimeout as wait } from "node:timers/promises";

export interface OpenLoadOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly seconds: number;
  readonly seed: number;
  /** The share of requests that go to `slowPath`. */
  readonly slowShare: number;
  readonly quickPath: string;
  readonly slowPath: string;
}

export interface OpenLoadResult {
  /** Of the quick requests, in milliseconds. */
  readonly quickMs: readonly number[];
  readonly failed: number;
}

export async function runOpenLoad(options: OpenLoadOptions): Promise<OpenLoadResult> {
  const { url, perSecond, seconds, slowShare, quickPath, slowPath } = options;
  const random = createRandom(options.seed);
  const agent = new Agent({ keepAlive: true, maxSockets: 1000 });
  const quickMs: number[] = [];
  const running: Promise<void>[] = [];
  let failed = 0;
  const began = performance.now();
  let dueMs = 0;
  while (dueMs < seconds * 1000) {
    dueMs += (-Math.log(1 - random()) / perSecond) * 1000;
    const isSlow = random() < slowShare;
    const due = began + dueMs;
    const early = due - performance.now();
    if (early > 0.5) await wait(early);
    const request = ask(agent, `${url}${isSlow ? slowPath : quickPath}`).then(
      () => {
        if (!isSlow) quickMs.push(performance.now() - due);
      },
      () => {
        failed += 1;
      },
    );
    running.push(request);
  }
  await Promise.all(running);
  agent.destroy();
  return { quickMs, failed };
}

function ask(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, timeout: 20_000 }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
      response.once("error", reject);
    });
    request.once("timeout", () => request.destroy(new Error("timeout")));
    request.once("error", reject);
  });
}

/** Mulberry32: small, and the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
