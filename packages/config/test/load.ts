/** Runs the real loader on a config written to a temporary folder. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoaderDocument } from "../src/loader-document.ts";

export interface Loaded {
  /** All that came on descriptor 3. */
  readonly text: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
}

const entry = fileURLToPath(new URL("../dist/bin/load-config.js", import.meta.url));

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/**
 * @param untilStdout the child is killed as soon as it prints this
 */
export function loadConfig(
  folder: string,
  args: readonly string[] = ["deploy.config.ts"],
  env: Readonly<Record<string, string>> = {},
  untilStdout?: string,
): Promise<Loaded> {
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: folder,
    env: { PATH: "/usr/bin:/bin", ...env },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  const received = { stdout: "", stderr: "", text: "" };
  const collect = (name: keyof typeof received, index: number): void => {
    child.stdio[index]?.on("data", (chunk: Buffer) => {
      received[name] += chunk.toString();
      if (untilStdout !== undefined && received.stdout.includes(untilStdout)) child.kill("SIGKILL");
    });
  };
  collect("stdout", 1);
  collect("stderr", 2);
  collect("text", 3);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ ...received, code, signal }));
  });
}

/** The answer of the loader to one config. */
export async function answerTo(
  folder: string,
  files: Readonly<Record<string, string>>,
  args?: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<LoaderDocument> {
  writeFiles(folder, files);
  const { text, stderr } = await loadConfig(folder, args, env);
  if (text === "") throw new Error(`no answer: ${stderr}`);
  return JSON.parse(text) as LoaderDocument;
}
