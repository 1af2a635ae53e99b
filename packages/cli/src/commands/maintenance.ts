/** `stack maintenance [on|off|pause|resume]`: requests are refused or held, without a reload. */
import { readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { exitCodes, formatDuration, parseDuration } from "@stack/base";
import type { MaintenanceChange } from "@stack/control";
import { commandHelp } from "../core/help.ts";
import { formatMaintenance } from "../core/status-table.ts";
import { badArguments } from "../errors.ts";
import { connectToStack, readStatus, waitFor } from "../io/connect.ts";
import { createSession, type Invocation, type Session } from "../io/session.ts";

export interface MaintenanceOptions {
  readonly page?: string | undefined;
  readonly retryAfter?: string | undefined;
  readonly hold?: string | undefined;
}

const words = ["on", "off", "pause", "resume"] as const;
type Word = (typeof words)[number];

const defaultRetryAfterMs = 60_000;
/** It is kept by the keeper, and sent to every edge. */
const mostPageBytes = 256 * 1024;

const done: Readonly<Record<Word, string>> = {
  on: "requests get 503; `stack maintenance off` ends it",
  off: "requests are answered again",
  pause: "requests wait; `stack maintenance resume` lets them go",
  resume: "requests are answered again, those that waited first",
};

export async function runMaintenance(
  { context, flags }: Invocation,
  word: string | undefined,
  options: MaintenanceOptions,
): Promise<number> {
  const session = createSession(context, flags);
  const wanted = word === undefined ? undefined : parseWord(word);
  const change = wanted === undefined ? undefined : changeOf(session, wanted, options);
  using connection = await connectToStack(session, flags);
  const { client } = connection;
  if (wanted !== undefined && change !== undefined) {
    const what = "the edge to follow";
    await waitFor(session, what, client.request({ op: "maintenance", change }));
    session.print(done[wanted]);
  }
  const { edge } = await readStatus(client);
  const now = edge?.maintenance ?? null;
  if (wanted === undefined) session.print(formatMaintenance(now) || "requests are answered");
  session.data("maintenance", { mode: now?.mode ?? "off", since: now?.since ?? null });
  return exitCodes.ok;
}

function changeOf(
  session: Session,
  word: Word,
  options: MaintenanceOptions,
): MaintenanceChange | null {
  if (word === "off" || word === "resume") return null;
  return {
    mode: word === "on" ? "on" : "paused",
    retryAfterS: Math.max(
      1,
      Math.round(durationOf(options.retryAfter, defaultRetryAfterMs) / 1000),
    ),
    page: options.page === undefined ? null : readPage(resolve(session.folder, options.page)),
    holdMs: options.hold === undefined ? null : durationOf(options.hold, 0),
  };
}

function readPage(file: string): NonNullable<MaintenanceChange["page"]> {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    throw refuse(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (content.length > mostPageBytes) throw refuse(`${file} is larger than 256 KB`);
  const type = types[extname(file).toLowerCase()] ?? "text/html; charset=utf-8";
  return { type, body: content.toString("utf8") };
}

const types: Readonly<Record<string, string>> = {
  ".txt": "text/plain; charset=utf-8",
  ".json": "application/json",
};

function durationOf(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  throw refuse(`"${text}" is not a duration. Use ${formatDuration(90_000)}, 5m or 1h`);
}

function parseWord(word: string): Word {
  const known = words.find((one) => one === word);
  if (known !== undefined) return known;
  throw refuse(`"${word}" is none of on, off, pause, resume`);
}

function refuse(problem: string): Error {
  return badArguments({ problem, usage: commandHelp.maintenance.usage });
}
