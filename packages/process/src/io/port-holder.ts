/** Who listens on a port, from /proc: for the message that a port is taken. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { type ProcessFacts, readProcessFacts, readStartedAtMs } from "./process-facts.ts";

export interface PortHolder {
  readonly pid: number;
  /** "pid 4121  node  (user alice, `next dev`, since 09:12)" */
  readonly text: string;
  /** The folder of its config, when it is an edge of another stack. */
  readonly stack: string | null;
}

/**
 * Undefined when nobody is found: another user's process, seen by root only. Of several that share the
 * socket, one that says which stack it is of: whatever else a stack hands it to is no help to name.
 */
export function findPortHolder(port: number): PortHolder | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  let first: PortHolder | undefined;
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || !holdsOne(pid, inodes)) continue;
    const facts = readProcessFacts(pid);
    if (facts === undefined) continue;
    const holder = { pid, text: describe(facts), stack: stackOf(facts) };
    if (holder.stack !== null) return holder;
    first ??= holder;
  }
  return first;
}

/** proc(5) net/tcp: "sl local_address rem_address st …"; state 0A listens, inode is the tenth. */
function listeningInodes(port: number): ReadonlySet<string> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const lines = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => {
    try {
      return readFileSync(file, "latin1").split("\n").slice(1);
    } catch {
      return []; // no IPv6
    }
  });
  const fields = lines.map((line) => line.trim().split(/\s+/));
  const listening = fields.filter(
    ([, local, , state]) => state === "0A" && local?.endsWith(wanted),
  );
  return new Set(listening.map((found) => `socket:[${found[9]}]`));
}

function holdsOne(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return inodes.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

function describe(facts: ProcessFacts): string {
  const [program = ""] = facts.command;
  const name = program.slice(program.lastIndexOf("/") + 1);
  const command = facts.command.join(" ");
  const shown = command.length > 60 ? `${command.slice(0, 59)}…` : command;
  const startedMs = readStartedAtMs(facts.pid);
  const since =
    startedMs === undefined ? "" : `, since ${new Date(startedMs).toTimeString().slice(0, 5)}`;
  return `pid ${facts.pid}  ${name}  (user ${userName(facts.uid)}, \`${shown}\`${since})`;
}

export function userName(uid: number): string {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((entry) => entry.split(":")[2] === String(uid));
    return line?.split(":")[0] ?? String(uid);
  } catch {
    return String(uid);
  }
}

/** Our own edge or keeper: the folder that `-C` takes, from its arguments. */
function stackOf({ command }: ProcessFacts): string | null {
  const config = valueAfter(command, "--config");
  if (config !== undefined && isOurs(command, "keeper.js")) return dirname(config);
  const control = valueAfter(command, "--control");
  if (control === undefined || !isOurs(command, "edge.js")) return null;
  return control.endsWith("/.stack/control.sock") ? dirname(dirname(control)) : null;
}

function isOurs(command: readonly string[], program: string): boolean {
  return command.some((part) => part.endsWith(`/dist/bin/${program}`));
}

function valueAfter(command: readonly string[], flag: string): string | undefined {
  const index = command.indexOf(flag);
  return index < 0 ? undefined : command[index + 1];
}
