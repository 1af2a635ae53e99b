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
  const stop = async (): Promise<void> => {
    if (child.pid === undefined) return;
    const gone = child.exitCode === null && child.signalCode === null ? once(child, "exit") : [];
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // all of the group has ended
    }
    await gone;
  };
  try {
    await eventually(`${command} to listen`, async () => {
      if (failure !== "" || child.exitCode !== null) return "ended";
      const open = await Promise.all(sockets.map(takesConnections));
      return open.every(Boolean);
    });
  } catch (error) {
    await stop();
    throw new Error(`${command} did not start:\n${output}`, { cause: error });
  }
  if (failure !== "" || child.exitCode !== null) {
    throw new Error(`${command} did not start: ${failure}\n${output}`);
  }
  return { output: () => output, [Symbol.asyncDispose]: stop };
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
