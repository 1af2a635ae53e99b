/**
 * Python takes compiled code for current when its source has the same size and was changed within
 * the same second. Who saves twice in a second would be answered by the first.
 */
import { readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export function forgetBytecode(source: string): void {
  if (!source.endsWith(".py")) return;
  const folder = join(dirname(source), "__pycache__");
  const prefix = `${basename(source, ".py")}.`;
  try {
    for (const file of readdirSync(folder)) {
      if (file.startsWith(prefix) && file.endsWith(".pyc")) rmSync(join(folder, file));
    }
  } catch {
    // there is none, or it is not ours to remove
  }
}
