/** A real edge process with its sockets inherited, and the other ends of all it talks to. */
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { BoundSocket, createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EdgePlan, ProtectionPlan, RoutePlan } from "@stack/config";
import {
  type ArbiterToEdge,
  controlVersion,
  type EdgeMetrics,
  type EdgeToArbiter,
  type EdgeToStackd,
  type LinePeer,
  openLinePeer,
  peerOf,
  type StackdToEdge,
  type WorkerRecord,
} from "@stack/control";
import { nextEvent, type TempFolder, tempFolder } from "@stack/testkit";

const entry = fileURLToPath(new URL("../dist/bin/edge.js", import.meta.url));

export interface EdgeOptions {
  readonly threads?: number;
  readonly plan?: Partial<EdgePlan>;
  /** False: the edge waits for its first plan. */
  readonly configure?: boolean;
  /** "ignore" gives it /dev/null where a socket should be. */
  readonly descriptor?: "ignore";
  readonly nodeOptions?: readonly string[];
  /** One listener on each; the first is the edge's `port`. */
  readonly hosts?: readonly string[];
}

interface FakeArbiter {
  readonly events: EventEmitter<{ message: [EdgeToArbiter] }>;
  readonly send: (message: ArbiterToEdge) => void;
  readonly up: (worker: WorkerRecord) => void;
  readonly close: () => void;
}

export interface EdgeProcess extends AsyncDisposable {
  readonly port: number;
  /** Of all listeners, in the order of `hosts`. */
  readonly ports: readonly number[];
  readonly folder: string;
  /** The public socket, as a keeper holds it. */
  readonly descriptor: number;
  readonly child: ChildProcess;
  readonly events: EventEmitter<{ message: [EdgeToStackd]; hello: [] }>;
  readonly target: { readonly port: number; readonly host: string };
  readonly output: () => string;
  readonly metrics: () => EdgeMetrics | undefined;
  /** Sends a plan and waits until every thread serves by it. */
  readonly configure: (plan: Partial<EdgePlan>) => Promise<void>;
  /** As `configure`, without waiting. */
  readonly sendPlan: (plan: Partial<EdgePlan>) => void;
  readonly send: (message: StackdToEdge) => void;
  /** Connects as an arbiter of `app`, with these workers. */
  readonly arbiter: (app: string, workers: readonly WorkerRecord[]) => Promise<FakeArbiter>;
  /** Ends the fake stackd: the edge is on its own. */
  readonly dropStackd: () => void;
}

export async function startEdge(options: EdgeOptions = {}): Promise<EdgeProcess> {
  const folder = tempFolder();
  const control = join(folder.path, "control.sock");
  const events: EdgeProcess["events"] = new EventEmitter();
  let stackd: LinePeer<EdgeToStackd, StackdToEdge> | undefined;
  let metrics: EdgeMetrics | undefined;
  const server = await listen(control, (peer) => {
    stackd = peer;
    peer.onMessage = (message) => {
      if (message.type === "edge-metrics") metrics = message.metrics;
      if ((message as { type: string }).type === "hello") events.emit("hello");
      events.emit("message", message);
    };
  });
  const [host = "127.0.0.1", ...otherHosts] = options.hosts ?? [];
  const bound = new BoundSocket({ host, port: 0 });
  const { port } = bound.address();
  const others = otherHosts.map((other) => new BoundSocket({ host: other, port: 0 }));
  const hello = once(events, "hello");
  const listeners = [
    { host, port, descriptor: options.descriptor ?? bound.fd() },
    ...others.map((other, index) => ({
      host: otherHosts[index] ?? "",
      port: other.address().port,
      descriptor: other.fd(),
    })),
  ];
  const child = spawnEdge(folder, control, listeners, options);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const target = { port, host: "127.0.0.1" };
  const arbiters: FakeArbiter[] = [];

  const edge: EdgeProcess = {
    port,
    ports: listeners.map((listener) => listener.port),
    folder: folder.path,
    descriptor: bound.fd(),
    child,
    events,
    target,
    output: () => output,
    metrics: () => metrics,
    async configure(plan) {
      const answered = nextEvent(
        events,
        "message",
        (message) => message.type === "edge-ready" || message.type === "edge-failed",
        20_000,
      );
      edge.sendPlan(plan);
      const [answer] = await answered;
      if (answer.type === "edge-failed") throw new Error(answer.error.title);
    },
    sendPlan: (plan) => stackd?.send({ type: "configure", plan: { ...defaultPlan, ...plan } }),
    send: (message) => stackd?.send(message),
    async arbiter(app, workers) {
      const path = join(folder.path, "edge-1.sock");
      const peer = await openLinePeer<EdgeToArbiter, ArbiterToEdge>(path);
      const arbiterEvents: FakeArbiter["events"] = new EventEmitter();
      peer.onMessage = (message) => void arbiterEvents.emit("message", message);
      const version = controlVersion;
      peer.send({ type: "register", version, app, instance: 1, pid: process.pid, workers });
      const arbiter: FakeArbiter = {
        events: arbiterEvents,
        send: peer.send,
        up: (worker) => peer.send({ type: "worker-up", worker }),
        close: peer.destroy,
      };
      arbiters.push(arbiter);
      return arbiter;
    },
    dropStackd() {
      stackd?.destroy();
      server.close();
    },
    async [Symbol.asyncDispose]() {
      for (const arbiter of arbiters) arbiter.close();
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      stackd?.destroy();
      server.close();
      bound.close();
      for (const other of others) other.close();
      folder[Symbol.dispose]();
    },
  };
  try {
    await Promise.race([hello, exitedEarly(child, () => output)]);
    if (options.configure !== false) await edge.configure(options.plan ?? {});
  } catch (error) {
    await edge[Symbol.asyncDispose]();
    throw new Error(`the edge did not start: ${output}`, { cause: error });
  }
  return edge;
}

/** A route of the given kind on a path as the config writes it. */
export function route(
  path: string,
  action: RoutePlan["action"],
  host: string | null = null,
): RoutePlan {
  const isPrefix = path.endsWith("/*");
  return {
    host,
    path: isPrefix ? path.slice(0, -2) || "/" : path,
    match: isPrefix ? "prefix" : "exact",
    stripPrefix: false,
    action,
    source: "deploy.config.ts:1",
  };
}

export const limits = {
  headerBytes: 32 * 1024,
  headerCount: 100,
  bodyBytes: 10 * 1024 * 1024,
  bufferBytes: 1024 * 1024,
  connections: 10_000,
};

export const timeoutsMs = {
  header: 10_000,
  body: 30_000,
  idle: 60_000,
  connect: 2_000,
  firstByte: 60_000,
};

/** Of a route that nothing protects, to be changed. */
export const unprotected: ProtectionPlan = {
  allow: null,
  deny: [],
  rateLimit: null,
  inFlight: null,
  bytesPerSecond: 0,
  auth: null,
  security: null,
};

export const app = { timeoutMs: 30_000, queueLimit: 1_000, queueTimeoutMs: 30_000 };

const defaultPlan: EdgePlan = {
  trustedProxies: [],
  limits,
  timeoutsMs,
  accessLog: null,
  routes: [
    route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
    route("/*", { kind: "app", app: "shop" }),
  ],
  upstreams: {},
  apps: { shop: app },
};

interface Listener {
  readonly host: string;
  readonly port: number;
  readonly descriptor: number | "ignore";
}

function spawnEdge(
  folder: TempFolder,
  control: string,
  listeners: readonly Listener[],
  { threads = 2, nodeOptions = [] }: EdgeOptions,
): ChildProcess {
  const named = listeners.map(({ host, port }, index) => ({
    name: `edge.listen[${index}]`,
    address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
  }));
  const descriptors = listeners.flatMap(({ descriptor }) =>
    Array.from({ length: threads }, () => descriptor),
  );
  return spawn(
    process.execPath,
    [
      ...["--enable-source-maps", ...nodeOptions, entry],
      ...["--control", control, "--run", folder.path, "--generation", "1"],
      ...["--threads", String(threads), "--listeners", JSON.stringify(named)],
    ],
    { stdio: ["ignore", "pipe", "pipe", ...descriptors] },
  );
}

async function exitedEarly(child: ChildProcess, output: () => string): Promise<never> {
  const [code, signal] = await once(child, "exit");
  throw new Error(`it ended with ${code ?? signal}: ${output()}`);
}

async function listen(
  path: string,
  accept: (peer: LinePeer<EdgeToStackd, StackdToEdge>) => void,
): Promise<Server> {
  const server = createServer((socket) => accept(peerOf(socket)));
  server.listen(path);
  await once(server, "listening");
  return server;
}
