/** Entry point of the keeper: arguments in, `runKeeper`, and descriptor 3: the config in, the answer out. */
import { writeSync } from "node:fs";
import { Socket } from "node:net";
import type { ErrorReport } from "@stack/base";
import { cleanEnvironment } from "@stack/process";
import { parseKeeperArguments } from "../core/keeper-options.ts";
import { runKeeper } from "../io/keeper/run-keeper.ts";

const maxConfigLength = 16 * 2 ** 20;
const options = parseKeeperArguments(process.argv.slice(2));
let answered = options.answer !== true;
const starter = answered ? undefined : new Socket({ fd: 3 });

function answer(error: ErrorReport | null): void {
  if (answered) return;
  answered = true;
  try {
    writeSync(3, `${JSON.stringify({ error })}\n`);
  } catch {
    // Whoever started us did not wait; the logs have it.
  }
  starter?.destroy();
}

/** The one line that comes on the channel; null where it ends without. */
function readConfig(channel: Socket): Promise<unknown> {
  return new Promise((resolve) => {
    let text = "";
    channel.setEncoding("utf8");
    channel.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > maxConfigLength) channel.destroy();
      else if (chunk.endsWith("\n")) resolve(JSON.parse(text));
    });
    channel.on("error", () => {}); // 'close' follows
    channel.on("close", () => resolve(null));
  });
}

const evaluated =
  starter !== undefined && options.evaluated === true ? readConfig(starter) : undefined;
await runKeeper(options, cleanEnvironment(process.env), answer, evaluated);
process.exit();
