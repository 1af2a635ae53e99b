/**
 * Asks the edge's own code what it would do with a request, in a process of its own: the command
 * line knows no routes. The question is in a file, since a config may be larger than an argument.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EdgeSettings } from "@stack/config";
import { cleanEnvironment, runToEnd } from "@stack/process";
import type { Explanation } from "../core/explanation.ts";
import { explainEntry } from "./entries.ts";
import type { Session } from "./session.ts";

export interface Question {
  readonly edge: EdgeSettings;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly peer: string;
}

const deadlineMs = 20_000;

export async function explainRequest(session: Session, question: Question): Promise<Explanation> {
  const folder = mkdtempSync(join(tmpdir(), "stack-explain-"));
  try {
    const file = join(folder, "question.json");
    writeFileSync(file, JSON.stringify(question), { mode: 0o600 });
    const result = await runToEnd([process.execPath, explainEntry(), file], {
      cwd: folder,
      env: cleanEnvironment(session.context.env),
      deadlineMs,
    });
    if (result.code !== 0) {
      throw new Error(`explain ended with ${result.code ?? result.signal}: ${result.stderr}`);
    }
    return JSON.parse(result.stdout) as Explanation;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
