/** A real server of another make, for the length of a test: in a process group that ends with it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { eventually } from "@stack/testkit";

export interface Peer extends AsyncDisposable {
  /** All it has said on stdout and stderr. */
  readonly output: () => string;
}

/** Starts it, and waits until every one of `sockets` (paths) takes connections. */
export async function startPeer(
  command: string,
  args: readonly string[],
  sockets: readonly string[],
): Promise<Peer> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  let failure = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.on("error", (error) => {
    failure = error.message;
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    if (child.pid === undefined) return;
    // All of the servers we start take INT as "stop now", and then wait for their own workers.
    child.kill("SIGINT");
    try {
      await eventually(`${command} to end`, hasEnded, 3_000);
    } finally {
      killGroup(child.pid);
    }
  };
  try {
    await eventually(`${command} to listen`, async () => {
      if (failure !== "" || hasEnded()) return "ended";
      const open = await Promise.all(sockets.map(takesConnections));
      return open.every(Boolean);
    });
  } catch (error) {
    await stop();
    throw new Error(`${command} did not start:\n${output}`, { cause: error });
  }
  if (failure !== "" || hasEnded()) {
    throw new Error(`${command} did not start: ${failure}\n${output}`);
  }
  return { output: () => output, [Symbol.asyncDispose]: stop };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // all of it has ended
  }
}

async function takesConnections(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
