/**
 * The access log of one thread: lines are collected and appended in batches, asynchronously and in
 * append mode, so that threads and generations share one file. Nothing here blocks or throws: when
 * the disk is slow or full, lines beyond the bound are dropped and counted; they wait for a file that
 * cannot be opened yet. One that was renamed away or removed (log rotation) is opened anew within a
 * second of the next line.
 */
import { constants } from "node:fs";
import { type FileHandle, open as openFile, stat } from "node:fs/promises";

export interface AccessLogWriterOptions {
  /** Absolute. */
  readonly file: string;
  /** Told once when writing begins to fail, and once when it works again. */
  readonly onProblem: (message: string) => void;
  /** A batch is written when it has this many characters … */
  readonly flushBytes?: number;
  /** … or is this old. */
  readonly flushMs?: number;
  /** Characters waiting for the disk, beyond which lines are dropped. */
  readonly boundBytes?: number;
}

export interface AccessLogWriter {
  /** One line of ASCII with its newline. */
  readonly write: (line: string) => void;
  /** Lines dropped since the start. */
  readonly dropped: () => number;
  /** Settles when all that was written before is on its way to the file, waits for it, or was dropped. */
  readonly flush: () => Promise<void>;
  /** Flushes and closes; later lines are dropped. */
  readonly close: () => Promise<void>;
}

const rotationCheckMs = 1_000;

export function createAccessLogWriter(options: AccessLogWriterOptions): AccessLogWriter {
  const { flushBytes = 64 * 1024, flushMs = 200, boundBytes = 4 * 1024 * 1024 } = options;
  const target = createAppendTarget(options.file);
  let pending = "";
  let pendingLines = 0;
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let dropped = 0;
  let failing = false;
  let closed = false;

  const fail = (error: unknown, becomes: string): void => {
    if (!failing) options.onProblem(problemText(options.file, error, becomes));
    failing = true;
  };
  const writeBatch = async (batch: string, lines: number): Promise<void> => {
    try {
      await target.open();
    } catch (error) {
      pending = batch + pending;
      pendingLines += lines;
      fail(error, `its lines wait, those beyond ${boundBytes} bytes are dropped`);
      return;
    }
    try {
      await target.append(batch);
      if (failing) options.onProblem(`The access log ${options.file} is written again.`);
      failing = false;
    } catch (error) {
      dropped += lines;
      fail(error, "lines are dropped until it can");
    }
  };
  const drain = async (): Promise<void> => {
    while (pendingLines > 0) {
      const batch = pending;
      const lines = pendingLines;
      pending = "";
      pendingLines = 0;
      await writeBatch(batch, lines);
      // After a failure the next batch waits for its timer: no spinning on a full disk.
      if (failing) break;
    }
    writing = undefined;
    if (pendingLines > 0) arm();
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    // drain() of nothing would end before it is remembered here, and block all that follow.
    if (writing === undefined && pendingLines > 0) writing = drain();
    return writing ?? Promise.resolve();
  };
  const arm = (): void => {
    // drain() never rejects: writeBatch keeps what goes wrong.
    timer ??= setTimeout(() => void flush(), flushMs).unref();
  };

  return {
    write(line) {
      if (closed || pending.length + line.length > boundBytes) {
        dropped += 1;
        return;
      }
      pending += line;
      pendingLines += 1;
      if (writing !== undefined) return;
      // While a batch fails, only the timer tries again.
      if (pending.length >= flushBytes && !failing) void flush();
      else arm();
    },
    dropped: () => dropped,
    async flush() {
      await writing;
      await flush();
    },
    async close() {
      closed = true;
      await writing;
      await flush();
      dropped += pendingLines;
      pendingLines = 0;
      await target.close();
    },
  };
}

/** A file that is appended to, opened when needed, and anew when its name points elsewhere. */
function createAppendTarget(file: string) {
  let handle: FileHandle | undefined;
  let identity = "";
  let checkedAt = 0;
  /** The last write stopped within a line: begin the next with a newline. */
  let torn = false;

  const open = async (): Promise<void> => {
    const now = performance.now();
    if (handle !== undefined && now - checkedAt < rotationCheckMs) return;
    checkedAt = now;
    if (handle !== undefined && (await identityOf(file)) === identity) return;
    const { O_APPEND, O_CREAT, O_WRONLY } = constants;
    const opened = await openFile(file, O_APPEND | O_CREAT | O_WRONLY, 0o640).catch(
      (error: unknown) => {
        // Moved away, and no new one is ours yet: the old one takes what comes meanwhile.
        if (handle !== undefined && (error as NodeJS.ErrnoException).code === "EACCES")
          return handle;
        throw error;
      },
    );
    if (opened === handle) return;
    await handle?.close();
    handle = opened;
    const facts = await opened.stat({ bigint: true });
    identity = `${facts.dev}:${facts.ino}`;
    torn = false;
  };

  return {
    open,
    async append(text: string): Promise<void> {
      const bytes = Buffer.from(torn ? `\n${text}` : text, "latin1");
      let offset = 0;
      while (offset < bytes.length) {
        const written = await handle?.write(bytes, offset, bytes.length - offset, null);
        offset += written?.bytesWritten ?? 0;
        torn = bytes[offset - 1] !== 0x0a;
      }
    },
    async close(): Promise<void> {
      const last = handle;
      handle = undefined;
      // A close that fails leaves nothing to be done about it.
      await last?.close().catch(() => {});
    },
  };
}

async function identityOf(file: string): Promise<string> {
  try {
    const facts = await stat(file, { bigint: true });
    return `${facts.dev}:${facts.ino}`;
  } catch {
    return "";
  }
}

function problemText(file: string, error: unknown, becomes: string): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `The access log ${file} cannot be written (${reason}); ${becomes}.`;
}
