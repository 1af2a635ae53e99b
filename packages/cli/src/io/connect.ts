/** The control socket as a command uses it: connect, ask, wait with a deadline and with words. */
import { type ControlClient, openControlClient, type StatusData } from "@stack/control";
import { notRunning, timedOut } from "../errors.ts";
import { findStack, type GlobalFlags, type Session, type StackPlace } from "./session.ts";

export interface Connection extends Disposable {
  readonly client: ControlClient;
  readonly place: StackPlace;
}

/** A reply to a question about the state comes at once, or something is wrong. */
const replyTimeoutMs = 10_000;
/** Waits get words after this. */
const quietMs = 1_000;

/** Throws E2004 when nothing runs here. */
export async function connectToStack(session: Session, flags: GlobalFlags): Promise<Connection> {
  const place = findStack(session, flags);
  const client = await tryConnect(place);
  if (client === undefined) throw notRunning({ folder: place.folder });
  return { client, place, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

/** Undefined when nothing listens there. */
export async function tryConnect(place: StackPlace): Promise<ControlClient | undefined> {
  try {
    return await openControlClient(place.paths.control);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED") return undefined;
    throw error;
  }
}

export async function readStatus(client: ControlClient): Promise<StatusData> {
  const reply = await withDeadline(
    client.request({ op: "status" }),
    replyTimeoutMs,
    () => "stackd to say what runs",
  );
  return reply as StatusData;
}

/**
 * Waits for something long: says what for after a second, gives up with E6005 at `--timeout`.
 *
 * @param what "shop to drain"; a function when it is known only then
 */
export async function waitFor<T>(
  session: Session,
  what: string | (() => string),
  wait: Promise<T>,
): Promise<T> {
  const text = (): string => (typeof what === "string" ? what : what());
  const dots = session.unicode ? "…" : "...";
  const words = setTimeout(() => session.say(`waiting for ${text()} ${dots}`), quietMs);
  try {
    return await withDeadline(wait, session.timeoutMs, text);
  } finally {
    clearTimeout(words);
  }
}

async function withDeadline<T>(
  wait: Promise<T>,
  timeoutMs: number | undefined,
  what: () => string,
): Promise<T> {
  if (timeoutMs === undefined) return wait;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(timedOut({ what: what(), timeoutMs })), timeoutMs);
  wait.catch(() => {}); // it may end long after we have given up on it
  try {
    return await Promise.race([wait, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
