/** The serving threads of an edge: started with ports to each other, told of plans and workers. */
import { setFlagsFromString } from "node:v8";
import { MessageChannel, type MessagePort, type Transferable, Worker } from "node:worker_threads";
import { descriptorOf, type EdgeOptions } from "../../core/edge-options.ts";
import type { MainToThread, ThreadOptions, ThreadToMain } from "../../core/thread-messages.ts";

export interface ThreadData {
  readonly options: ThreadOptions;
  readonly ports: readonly (readonly [index: number, port: MessagePort])[];
}

export interface ThreadPool {
  readonly post: (message: MainToThread) => void;
  /** To each its own. */
  readonly postEach: (
    make: () => { readonly message: MainToThread; readonly transfer: readonly Transferable[] },
  ) => void;
  readonly living: () => readonly number[];
}

export interface ThreadPoolOptions {
  readonly entry: URL;
  readonly edge: EdgeOptions;
  readonly shared: Pick<
    ThreadOptions,
    "metrics" | "budget" | "budgetBytes" | "connections" | "counters" | "inPlace"
  >;
  readonly onMessage: (thread: number, message: ThreadToMain) => void;
  /** It ended, unasked unless it said `drained` before. */
  readonly onEnd: (thread: number, error: Error | undefined) => void;
}

export function startThreadPool(options: ThreadPoolOptions): ThreadPool {
  const { edge } = options;
  // Megabytes of young objects before the first collection: from V8's own 1 it takes minutes of load to
  // get there, collecting four times as often on the way.
  setFlagsFromString("--min-semi-space-size=4");
  // And no more than twice that: it would grow for minutes of load, and buy nothing.
  setFlagsFromString("--max-semi-space-size=8");
  const ports = connectAll(edge.threads);
  const workers = new Map<number, Worker>();
  for (let index = 0; index < edge.threads; index += 1) {
    const own = ports[index] ?? [];
    const data: ThreadData = {
      options: {
        ...options.shared,
        index,
        threads: edge.threads,
        listeners: edge.listeners,
        descriptors: edge.listeners.map((_, listener) =>
          descriptorOf(listener, index, edge.threads),
        ),
      },
      ports: own,
    };
    const worker = new Worker(options.entry, {
      workerData: data,
      transferList: own.map(([, port]) => port),
    });
    let failure: Error | undefined;
    worker.on("message", (message: ThreadToMain) => options.onMessage(index, message));
    worker.on("error", (error: Error) => {
      failure = error;
    });
    worker.on("exit", () => {
      workers.delete(index);
      options.onEnd(index, failure);
    });
    workers.set(index, worker);
  }
  return {
    post(message) {
      for (const worker of workers.values()) worker.postMessage(message);
    },
    postEach(make) {
      for (const worker of workers.values()) {
        const { message, transfer } = make();
        worker.postMessage(message, transfer);
      }
    },
    living: () => [...workers.keys()],
  };
}

/** A channel between every two threads. */
function connectAll(threads: number): (readonly [number, MessagePort])[][] {
  const ports: [number, MessagePort][][] = Array.from({ length: threads }, () => []);
  for (let one = 0; one < threads; one += 1) {
    for (let two = one + 1; two < threads; two += 1) {
      const channel = new MessageChannel();
      ports[one]?.push([two, channel.port1]);
      ports[two]?.push([one, channel.port2]);
    }
  }
  return ports;
}
