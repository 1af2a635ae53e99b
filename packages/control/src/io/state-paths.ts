/** Where a stack keeps its state: `.stack/` beside the config, sockets in a short folder when they must. */
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { edgeFolder } from "../core/edge-folder.ts";

export interface StatePaths {
  /** `.stack` beside the config. */
  readonly state: string;
  /** Sockets: one folder per app, one of the edge, one of the arbiters. Emptied by `down`. */
  readonly run: string;
  /** Below `run`, the edge's own: `edge-G.sock`, `admin.sock`. */
  readonly edge: string;
  /** Where edges reach stackd, with no more than an edge may say; `control` is not theirs. */
  readonly edgeControl: string;
  readonly logs: string;
  readonly control: string;
  /** Held by the keeper for life; its content is the keeper's pid and start time. */
  readonly lock: string;
}

/** sun_path holds 108 bytes with its NUL. */
const longestSocketPath = 107;
const systemFolder = "/run";
/** The longest name below `run/`: an arbiter's socket, with its pid at first. */
const longestName = `/@arbiters/${"a".repeat(32)}-256.sock.4194304`.length;

/**
 * The paths of the stack that belongs to a config file. The file must exist.
 *
 * @param stateFolder in place of `.stack` beside the config (`stack smoke` uses a temporary one)
 */
export function resolveStatePaths(configFile: string, stateFolder?: string): StatePaths {
  const real = realpathSync(configFile);
  const state = stateFolder ?? join(dirname(real), ".stack");
  const sockets = socketFolder(state, real);
  const run = join(sockets, "run");
  return {
    state,
    run,
    edge: edgeFolder(run),
    edgeControl: join(run, "@edge.sock"),
    logs: join(state, "logs"),
    control: join(sockets, "control.sock"),
    lock: join(state, "keeper.lock"),
  };
}

/**
 * Unix socket paths are short: a deep project keeps its sockets in a folder of its own below the temporary one.
 * Root's are in /run, where apps of other users can reach theirs: a project in /root is closed to them.
 */
function socketFolder(state: string, key: string): string {
  if (process.getuid?.() === 0 && existsSync(systemFolder)) {
    const name = basename(dirname(key))
      .replace(/[^\w.-]+/g, "-")
      .slice(0, 20);
    return join(systemFolder, "stack", `${name}-${hashOf(state, key).slice(0, 8)}`);
  }
  if (Buffer.byteLength(join(state, "run")) + longestName <= longestSocketPath) return state;
  return join(tmpdir(), `stack-${process.getuid?.() ?? 0}-${hashOf(state, key)}`);
}

function hashOf(state: string, key: string): string {
  return createHash("sha256").update(`${key}\0${state}`).digest("hex").slice(0, 12);
}
