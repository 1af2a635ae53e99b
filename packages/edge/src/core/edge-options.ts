/** The command line of the edge process, as stackd writes it and the edge reads it. */
import type { ListenerOption } from "./thread-messages.ts";

export interface EdgeOptions {
  /** Path of the socket where stackd listens for edges. */
  readonly control: string;
  /** Folder of the edge's own sockets. */
  readonly run: string;
  readonly generation: number;
  readonly threads: number;
  /** Listener L on thread T is descriptor 3 + L * threads + T. */
  readonly listeners: readonly ListenerOption[];
}

/** Returns what is wrong, as a text, when it is not as it should be: only we write it. */
export function parseEdgeOptions(args: readonly string[]): EdgeOptions | string {
  const values = new Map<string, string>();
  for (let index = 0; index + 1 < args.length; index += 2) {
    values.set(args[index] ?? "", args[index + 1] ?? "");
  }
  const control = values.get("--control");
  const run = values.get("--run");
  const generation = Number(values.get("--generation"));
  const threads = Number(values.get("--threads"));
  const listeners = parseListeners(values.get("--listeners"));
  if (control === undefined || run === undefined) return "--control and --run are needed";
  if (!Number.isInteger(generation)) return "--generation is not a number";
  if (!Number.isInteger(threads) || threads < 1) return "--threads is not a number";
  if (listeners === undefined) return "--listeners is not a list of name and address";
  return { control, run, generation, threads, listeners };
}

export function descriptorOf(listener: number, thread: number, threads: number): number {
  return 3 + listener * threads + thread;
}

function parseListeners(text: string | undefined): readonly ListenerOption[] | undefined {
  try {
    const list: unknown = JSON.parse(text ?? "");
    if (!Array.isArray(list)) return undefined;
    return list.every(isListener) ? list : undefined;
  } catch {
    return undefined;
  }
}

function isListener(value: unknown): value is ListenerOption {
  if (typeof value !== "object" || value === null) return false;
  const { name, address } = value as Record<string, unknown>;
  return typeof name === "string" && typeof address === "string";
}
