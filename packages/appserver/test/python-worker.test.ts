/**
 * Runs the Python worker's own tests (unittest, `packages/appserver/python/tests`): each file is one
 * test here, and what it printed is the error when it fails.
 */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { frame, initialWindow, maxBodyPayload, maxFramePayload } from "@stack/protocols";
import { expect, test } from "vitest";

const folder = join(import.meta.dirname, "../python");
const files = readdirSync(join(folder, "tests")).filter((name) => /^test_.*\.py$/.test(name));

interface Outcome {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runPython(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      "/usr/bin/python3",
      args,
      { cwd: folder, timeout: 110_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr });
      },
    );
  });
}

test.for(files)("%s passes", { timeout: 120_000 }, async (file) => {
  const outcome = await runPython(["-B", "-m", "unittest", `tests.${file.slice(0, -3)}`]);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stderr).toMatch(/Ran [1-9]\d* tests? in/);
});

test("frames.py has the numbers of frames.ts", async () => {
  const code =
    "import json; from stack_worker import frames; print(json.dumps({k: v for k, v in vars(frames).items() if isinstance(v, int)}))";
  const outcome = await runPython(["-B", "-c", code]);
  const numbers = JSON.parse(outcome.stdout) as Record<string, number>;
  const expected: Record<string, number> = {
    INITIAL_WINDOW: initialWindow,
    MAX_BODY_PAYLOAD: maxBodyPayload,
    MAX_FRAME_PAYLOAD: maxFramePayload,
  };
  for (const [name, value] of Object.entries(frame)) {
    expected[name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()] = value;
  }
  expect(numbers).toMatchObject(expected);
});
