/** Where a stack keeps its state: `.stack/` beside the config, sockets in a short folder when they must. */
import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface StatePaths {
  /** `.stack` beside the config. */
  readonly state: string;
  /** Sockets: `edge-G.sock`, one folder per app. Emptied by `down`. */
  readonly run: string;
  readonly logs: string;
  readonly control: string;
  /** Held by the keeper for life; its content is the keeper's pid and start time. */
  readonly lock: string;
}

/** sun_path holds 108 bytes with its NUL. */
const longestSocketPath = 107;
/** The longest name below `run/`: an app of 32 letters, and the socket of a worker. */
const longestName = `/${"a".repeat(32)}/256-9999-99999.sock`.length;

/**
 * The paths of the stack that belongs to a config file. The file must exist.
 *
 * @param stateFolder in place of `.stack` beside the config (`stack smoke` uses a temporary one)
 */
export function resolveStatePaths(configFile: string, stateFolder?: string): StatePaths {
  const real = realpathSync(configFile);
  const state = stateFolder ?? join(dirname(real), ".stack");
  const sockets = socketFolder(state, real);
  return {
    state,
    run: join(sockets, "run"),
    logs: join(state, "logs"),
    control: join(sockets, "control.sock"),
    lock: join(state, "keeper.lock"),
  };
}

/** Unix socket paths are short: a deep project keeps its sockets in a folder of its own below the temporary one. */
function socketFolder(state: string, key: string): string {
  if (Buffer.byteLength(join(state, "run")) + longestName <= longestSocketPath) return state;
  const hash = createHash("sha256").update(`${key}\0${state}`).digest("hex").slice(0, 12);
  return join(tmpdir(), `stack-${process.getuid?.() ?? 0}-${hash}`);
}
