import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TempFolder extends Disposable {
  readonly path: string;
}

/** A folder of the test's own, removed with all it holds: `using folder = tempFolder();` */
export function tempFolder(): TempFolder {
  const path = mkdtempSync(join(tmpdir(), "stack-test-"));
  return {
    path,
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
