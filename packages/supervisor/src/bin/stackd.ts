/** Entry point of stackd. Only the keeper starts it: control.sock is descriptor 3, IPC is 4. */
import { createLogger } from "@stack/base";
import { cleanEnvironment } from "@stack/process";
import { parseKeeperArguments } from "../core/keeper-options.ts";
import { runStackd } from "../io/stackd/run-stackd.ts";

// The keeper may die before us, and with it the reader of our log.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.on("SIGTERM", () => {}); // the keeper says how to end
process.on("SIGINT", () => {});

const options = parseKeeperArguments(process.argv.slice(2));
const log = createLogger((line) => process.stdout.write(line));
await runStackd(options, cleanEnvironment(process.env), log);
if (!process.connected) process.exit(0);
process.once("disconnect", () => process.exit(0)); // after what was sent has left
process.disconnect();
