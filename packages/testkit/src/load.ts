/** A constant load that reports every failure: a few keep-alive connections, one GET after the other. */
import { Agent, get } from "node:http";

export interface LoadFailure {
  /** The status of a bad answer, or the error's code: "ECONNRESET", "ECONNREFUSED" … */
  readonly what: string;
  /** Whether the connection had already carried a request: an idle connection may be cut. */
  readonly reused: boolean;
}

export interface LoadResult {
  readonly answered: number;
  readonly failures: readonly LoadFailure[];
  /** How often each body was seen. */
  readonly bodies: ReadonlyMap<string, number>;
}

export interface Load extends AsyncDisposable {
  /** Resolves when `count` more good answers have come; rejects when none comes for `timeoutMs`. */
  readonly more: (count: number) => Promise<void>;
  /** What has come so far. */
  readonly seen: () => LoadResult;
  /** Forgets the bodies seen so far, and those that requests under way will bring. */
  readonly forgetBodies: () => void;
  readonly stop: () => Promise<LoadResult>;
}

export interface LoadOptions {
  readonly port: number;
  readonly path: string;
  readonly connections?: number;
  readonly timeoutMs?: number;
}

/** Starts at once; a failure is recorded and the next request follows. */
export function startLoad(options: LoadOptions): Load {
  const { port, path, connections = 8, timeoutMs = 20_000 } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const bodies = new Map<string, number>();
  const failures: LoadFailure[] = [];
  let answered = 0;
  let forgotten = 0;
  let running = true;
  let waiting: {
    readonly at: number;
    readonly resolve: () => void;
    readonly timer: NodeJS.Timeout;
  }[] = [];

  async function loop(): Promise<void> {
    while (running) {
      const before = forgotten;
      const outcome = await requestOnce(agent, port, path, timeoutMs);
      if (outcome.failure === undefined) {
        answered += 1;
        if (before === forgotten) bodies.set(outcome.body, (bodies.get(outcome.body) ?? 0) + 1);
        for (const waiter of waiting) {
          if (answered >= waiter.at) waiter.resolve();
          else waiter.timer.refresh();
        }
        waiting = waiting.filter((waiter) => answered < waiter.at);
      } else {
        failures.push(outcome.failure);
        if (failures.length > 10_000) running = false; // everything fails: do not spin
      }
    }
  }

  const loops = Array.from({ length: connections }, loop);
  const finish = Promise.all(loops).then(() => agent.destroy());
  return {
    more(count) {
      const reached = Promise.withResolvers<void>();
      const timer = setTimeout(
        () => reached.reject(new Error(`no answer in ${timeoutMs} ms: ${summary(failures)}`)),
        timeoutMs,
      );
      waiting.push({ at: answered + count, resolve: reached.resolve, timer });
      return reached.promise.finally(() => clearTimeout(timer));
    },
    seen: () => ({ answered, failures: [...failures], bodies: new Map(bodies) }),
    forgetBodies() {
      forgotten += 1;
      bodies.clear();
    },
    async stop() {
      running = false;
      await finish;
      return { answered, failures, bodies };
    },
    async [Symbol.asyncDispose]() {
      running = false;
      await finish;
    },
  };
}

type Outcome =
  | { readonly failure: undefined; readonly body: string }
  | { readonly failure: LoadFailure };

function requestOnce(
  agent: Agent,
  port: number,
  path: string,
  timeoutMs: number,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = get(
      { host: "127.0.0.1", port, path, agent, timeout: timeoutMs },
      (response) => {
        let body = "";
        response.setEncoding("latin1");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", () => fail("cut off"));
        response.on("end", () => {
          if (!response.complete) fail("cut off");
          else if (response.statusCode === 200) resolve({ failure: undefined, body });
          else fail(String(response.statusCode));
        });
      },
    );
    const fail = (what: string): void =>
      resolve({ failure: { what, reused: request.reusedSocket } });
    request.on("timeout", () => request.destroy(Object.assign(new Error(), { code: "timeout" })));
    request.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}

function summary(failures: readonly LoadFailure[]): string {
  return failures.length === 0
    ? "no failure"
    : `${failures.length} failures, last ${failures.at(-1)?.what}`;
}
