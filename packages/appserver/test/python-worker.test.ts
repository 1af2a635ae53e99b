/**
 * Runs the Python worker's own tests (unittest, `packages/appserver/python/tests`): each file is one
 * test here, and what it printed is the error when it fails.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
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

function runPython(args: readonly string[], python = "/usr/bin/python3"): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      python,
      args,
      { cwd: folder, timeout: 280_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 1), stdout, stderr });
      },
    );
  });
}

test.for(files)("%s passes", { timeout: 300_000 }, async (file) => {
  const outcome = await runPython(["-B", "-m", "unittest", `tests.${file.slice(0, -3)}`]);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stderr).toMatch(/Ran [1-9]\d* tests? in/);
});

/** The Pythons of pyenv, where there are some, from the oldest we serve on. */
function otherPythons(): readonly string[] {
  const versions = join(homedir(), ".pyenv/versions");
  if (!existsSync(versions)) return [];
  return readdirSync(versions)
    .filter((version) => /^3\.(?:9|1[0-9])\./.test(version))
    .map((version) => join(versions, version, "bin/python"));
}

test("every Python from 3.9 on reads all of it", { timeout: 120_000 }, async () => {
  const code =
    "import importlib, pkgutil, stack_worker; [importlib.import_module(m.name) for m in pkgutil.walk_packages(stack_worker.__path__, 'stack_worker.') if m.name != 'stack_worker.zygote']; print('read')";
  for (const python of ["/usr/bin/python3", ...otherPythons()]) {
    const outcome = await runPython(["-B", "-c", code], python);
    expect(outcome, python).toMatchObject({ code: 0, stdout: "read\n" });
  }
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
