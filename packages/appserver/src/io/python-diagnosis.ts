/** Why a Python did not start: too old, a venv whose interpreter is gone, or not a Python at all. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StackError } from "@stack/base";
import type { AppPlan } from "@stack/config";
import { pythonTooOld, pythonUnusable, runToEnd } from "@stack/process";

export type PythonPlan = Extract<AppPlan, { kind: "wsgi" | "asgi" }>;

const versionProbe = 'import sys; print("%d.%d.%d" % sys.version_info[:3])';
const deadlineMs = 5_000;

/** The reason; undefined when this Python is fine, so that the app must be to blame. */
export async function diagnosePython(
  plan: PythonPlan,
  python: string,
  env: Readonly<Record<string, string>>,
  cause: unknown,
): Promise<StackError | undefined> {
  const { name: app, place } = plan;
  const unusable = (...facts: string[]): StackError =>
    pythonUnusable({ app, python, place, facts: [...facts, ...venvFacts(python)] }, cause);
  try {
    const command = [python, "-c", versionProbe] as const;
    const probe = await runToEnd(command, { cwd: "/", env, deadlineMs, limitBytes: 65_536 });
    const version = /^(\d+)\.(\d+)\.\d+$/.exec(probe.stdout.trim());
    if (version === null) {
      const said = probe.stderr.trim().split("\n").slice(-3);
      return unusable(`it does not say its version (exit ${probe.code ?? probe.signal})`, ...said);
    }
    const [text, major, minor] = version;
    if (Number(major) === 3 && Number(minor) >= 9) {
      return cause === undefined ? undefined : unusable(String(cause));
    }
    return pythonTooOld({ app, python, version: text, place });
  } catch (error) {
    return unusable((error as Error).message);
  }
}

/** A virtual environment is a link to the Python that made it; that one may be gone. */
function venvFacts(python: string): readonly string[] {
  try {
    const config = readFileSync(join(dirname(dirname(python)), "pyvenv.cfg"), "utf8");
    const home = /^home\s*=\s*(.+)$/m.exec(config)?.[1];
    return home === undefined ? [] : [`the virtual environment was made with a Python in ${home}`];
  } catch {
    return []; // not a virtual environment
  }
}
