/**
 * The short-lived child that evaluates a deploy.config.ts, so that what a config does (exit, leak,
 * print, hang) happens to nobody else.
 *
 *   node load-config.js FILE [STATE_FOLDER]
 *
 * Its answer is one JSON document (`LoaderDocument`) on descriptor 3; without one, on standard
 * output. What the config prints stays on the descriptors it printed to. A deadline is the caller's.
 */
import { existsSync, fstatSync, mkdirSync, writeSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join, resolve } from "node:path";
import { reportOf } from "@stack/base";
import { ownFrame } from "../core/stack-trace.ts";
import { configThrew } from "../errors.ts";
import { checkConfig } from "../io/check-config.ts";
import { evaluateConfig, explainThrown, readSource } from "../io/evaluate.ts";
import type { LoaderDocument } from "../loader-document.ts";

const [file = "", stateFolder] = process.argv.slice(2);
const configFile = resolve(file);
/** Asked before the config runs: the number may be a file of its own later. */
const answerDescriptor = isOpen(3) ? 3 : 1;
const realExit = process.exit;
let isAnswered = false;
let exitFrame = "";

process.exit = ((code) => {
  exitFrame = new Error("exit").stack ?? "";
  return realExit(code);
}) as typeof process.exit;
process.on("exit", (code) => {
  if (isAnswered) return;
  const frame = ownFrame(exitFrame, configFile);
  answer({
    ok: false,
    errors: [
      configThrew({
        place: { file: basename(configFile), ...frame },
        did:
          exitFrame === ""
            ? "never finished: what it awaits does not happen"
            : `called process.exit(${code === 0 ? "" : code})`,
        facts: [],
      }).report,
    ],
  });
});
process.on("uncaughtException", (error) => fail(explainThrown(error, configFile)));

try {
  const { source, places } = readSource(configFile);
  const env = { ...process.env };
  const input = await evaluateConfig(configFile, createKept(stateFolder));
  const cpuCount = availableParallelism();
  finish({
    ok: true,
    config: checkConfig(input, { file: configFile, source, places, stateFolder, env, cpuCount }),
  });
} catch (error) {
  fail(error);
}

/**
 * Where the JavaScript of the config and what it imports is kept from load to load: loading the
 * compiler takes longer than all else here. Only in the folder of a stack that has one, as secrets may
 * stand in a config; whoever may not write there does without.
 */
function createKept(state: string | undefined): string | undefined {
  if (state === undefined || !existsSync(state)) return undefined;
  const folder = join(state, "config");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  } catch {
    return undefined;
  }
}

function fail(error: unknown): void {
  finish({ ok: false, errors: [reportOf(error)] });
}

/** Ends the process too: a timer or socket that the config left open must not keep it. */
function finish(document: LoaderDocument): void {
  answer(document);
  realExit(0);
}

function answer(document: LoaderDocument): void {
  if (isAnswered) return;
  isAnswered = true;
  const bytes = Buffer.from(`${JSON.stringify(document)}\n`);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(answerDescriptor, bytes, sent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      // A full pipe that somebody made non-blocking: give its reader a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function isOpen(descriptor: number): boolean {
  try {
    const kind = fstatSync(descriptor);
    return kind.isFIFO() || kind.isSocket() || kind.isFile();
  } catch {
    return false;
  }
}
