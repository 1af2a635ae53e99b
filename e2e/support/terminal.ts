/** A terminal of a test's own: a pty with the real command line in it, and a screen that can be read. */
import { fileURLToPath } from "node:url";
import { type IPty, spawn } from "@lydell/node-pty";
import { eventually } from "@stack/testkit";
import xterm from "@xterm/headless";

const cli = fileURLToPath(new URL("../../packages/cli/bin/stack.js", import.meta.url));

export interface TestTerminal extends Disposable {
  readonly pid: number;
  /** What is on the screen, one line per row. */
  readonly screen: () => string;
  /** Every byte that came, escape sequences and all. */
  readonly bytes: () => string;
  readonly isAlternate: () => boolean;
  readonly press: (keys: string) => void;
  /** Waits until the screen shows it. */
  readonly shows: (what: string | RegExp, timeoutMs?: number) => Promise<void>;
  readonly signal: (name: string) => void;
  readonly exited: Promise<number>;
}

/** Starts `stack ARGS` in a terminal. */
export function openTerminal(
  args: readonly string[],
  cwd: string,
  size: { readonly cols: number; readonly rows: number } = { cols: 100, rows: 30 },
): TestTerminal {
  const env = { ...process.env, TERM: "xterm-256color", LANG: "C.UTF-8", CI: "" };
  const terminal = new xterm.Terminal({ ...size, allowProposedApi: true });
  const pty: IPty = spawn(process.execPath, [cli, ...args], { ...size, cwd, env });
  let bytes = "";
  pty.onData((data) => {
    bytes += data;
    terminal.write(data);
  });
  const exited = new Promise<number>((done) => {
    pty.onExit(({ exitCode }) => done(exitCode));
  });
  const screen = (): string => {
    const { active } = terminal.buffer;
    return Array.from(
      { length: size.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
    ).join("\n");
  };
  return {
    pid: pty.pid,
    screen,
    bytes: () => bytes,
    isAlternate: () => terminal.buffer.active.type === "alternate",
    press: (keys) => {
      pty.write(keys);
    },
    async shows(what, timeoutMs = 30_000) {
      try {
        await eventually(
          `the screen to show ${what}`,
          () => (typeof what === "string" ? screen().includes(what) : what.test(screen())),
          timeoutMs,
        );
      } catch (cause) {
        throw new Error(`The screen never showed ${what}:\n${screen()}`, { cause });
      }
    },
    signal: (name) => {
      pty.kill(name);
    },
    exited,
    [Symbol.dispose]() {
      try {
        pty.kill("SIGKILL");
      } catch {
        // it has ended by itself
      }
      terminal.dispose();
    },
  };
}
