/** Entry point of the keeper: arguments in, `runKeeper`, and the answer on descriptor 3. */
import { closeSync, writeSync } from "node:fs";
import type { ErrorReport } from "@stack/base";
import { cleanEnvironment } from "@stack/process";
import { parseKeeperArguments } from "../core/keeper-options.ts";
import { runKeeper } from "../io/keeper/run-keeper.ts";

const options = parseKeeperArguments(process.argv.slice(2));
let answered = options.answer !== true;

function answer(error: ErrorReport | null): void {
  if (answered) return;
  answered = true;
  try {
    writeSync(3, `${JSON.stringify({ error })}\n`);
    closeSync(3);
  } catch {
    // Whoever started us did not wait; the logs have it.
  }
}

await runKeeper(options, cleanEnvironment(process.env), answer);
process.exit();
