/**
 * Where a Node process is, also one whose event loop does not turn: SIGUSR1 opens its inspector, which
 * can stop it between two steps of JavaScript. Only for one that is about to be killed: the inspector
 * listens on a loopback port until then.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const deadlineMs = 2_000;
const lookEveryMs = 20;

interface CallFrame {
  readonly functionName: string;
  readonly location: {
    readonly scriptId: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
}

/** What the inspector says by itself: of each script, and when it has stopped. */
interface InspectorEvent {
  readonly method?: "Debugger.scriptParsed" | "Debugger.paused";
  readonly params?: {
    readonly scriptId?: string;
    readonly url?: string;
    readonly callFrames?: readonly CallFrame[];
  };
}

/** Started with this it listens on a port of its own, not on the one all Node processes share. */
export const inspectable = "--inspect-port=127.0.0.1:0";

/** Its frames, the innermost first; empty when it says nothing. Never rejects. */
export async function inspectNode(pid: number): Promise<readonly string[]> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    process.kill(pid, "SIGUSR1");
    const port = await untilListening(pid, deadline);
    const answer = await fetch(`http://127.0.0.1:${port}/json/list`, { signal: deadline });
    const [target] = (await answer.json()) as { readonly webSocketDebuggerUrl: string }[];
    if (target === undefined) return [];
    return await pausedFrames(target.webSocketDebuggerUrl, deadline);
  } catch {
    return [];
  }
}

async function untilListening(pid: number, deadline: AbortSignal): Promise<number> {
  for (;;) {
    const port = listeningPort(pid);
    if (port !== undefined) return port;
    deadline.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

/** The loopback port a process listens on: proc(5) net/tcp, whose fourth field is 0A for it. */
function listeningPort(pid: number): number | undefined {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return ""; // closed meanwhile
      }
    }),
  );
  for (const line of readFileSync(`/proc/${pid}/net/tcp`, "latin1").split("\n").slice(1)) {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    const [address, port = ""] = local.split(":");
    const isOwn = state === "0A" && address === "0100007F" && own.has(`socket:[${inode}]`);
    if (isOwn) return Number.parseInt(port, 16);
  }
  return undefined;
}

/** The protocol's "Debugger" domain: enable, pause, and what it says when it has. */
function pausedFrames(url: string, deadline: AbortSignal): Promise<readonly string[]> {
  const frames = Promise.withResolvers<readonly string[]>();
  const scripts = new Map<string, string>();
  const socket = new WebSocket(url);
  deadline.addEventListener("abort", () => frames.reject(deadline.reason));
  socket.onerror = () => frames.reject(new Error("the inspector does not answer"));
  socket.onopen = () => {
    socket.send('{"id":1,"method":"Debugger.enable"}');
    socket.send('{"id":2,"method":"Debugger.pause"}');
  };
  socket.onmessage = ({ data }) => {
    const { method, params = {} } = JSON.parse(String(data)) as InspectorEvent;
    if (method === "Debugger.scriptParsed") scripts.set(params.scriptId ?? "", params.url ?? "");
    if (method !== "Debugger.paused") return;
    frames.resolve((params.callFrames ?? []).map((frame) => format(frame, scripts)));
  };
  return frames.promise.finally(() => socket.close());
}

function format(
  { functionName, location }: CallFrame,
  scripts: ReadonlyMap<string, string>,
): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  const { scriptId, lineNumber, columnNumber } = location;
  return `    at ${name} (${scripts.get(scriptId) ?? ""}:${lineNumber + 1}:${columnNumber + 1})`;
}
