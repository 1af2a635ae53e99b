import { type EventEmitter, on } from "node:events";

/**
 * The next emission of `name` that `accept` accepts. Subscribe before you act:
 * `const down = nextEvent(…); proc.stop(); await down;`. On a timeout the error lists what did
 * arrive. (Not `AbortSignal.timeout`: its timer is unref'd and may let the run end first.)
 */
export async function nextEvent<
  Events extends Record<keyof Events, unknown[]>,
  Name extends keyof Events & string,
>(
  emitter: EventEmitter<Events>,
  name: Name,
  accept: (...args: Events[Name]) => boolean = () => true,
  timeoutMs = 20_000,
): Promise<Events[Name]> {
  const seen: unknown[] = [];
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), timeoutMs);
  try {
    for await (const args of on(emitter as EventEmitter, name, { signal: deadline.signal })) {
      if (accept(...(args as Events[Name]))) return args as Events[Name];
      seen.push(args);
    }
  } catch (cause) {
    throw new Error(`No "${name}" matched within ${timeoutMs} ms. Seen: ${JSON.stringify(seen)}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
  throw new Error("unreachable: on() only ends by throwing");
}

/**
 * Asks again, every 10 ms, until `probe` gives something other than undefined or false: for facts
 * outside the process that announce themselves to nobody (/proc, a file, a foreign socket).
 *
 * @param what for the error: "the pid to vanish"
 */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 30_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
