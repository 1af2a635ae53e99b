/**
 * Entry of an arbiter: `arbiter --control PATH --run DIR --app NAME --instance N`. Started by the
 * keeper on stackd's word; all it needs to know about the app comes over the control socket.
 */
import { parseArgs } from "node:util";
import { createLogger } from "@stack/base";
import { runArbiter } from "../io/run-arbiter.ts";

const { values } = parseArgs({
  options: {
    control: { type: "string" },
    run: { type: "string" },
    app: { type: "string" },
    instance: { type: "string" },
  },
});
const { control, run, app } = values;
const instance = Number(values.instance);
if (control === undefined || run === undefined || app === undefined || !(instance >= 1)) {
  throw new Error("usage: arbiter --control PATH --run DIR --app NAME --instance N");
}

// The keeper that reads our output may die before us: a line nobody reads must not end the app.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
process.on("SIGINT", () => {}); // the terminal sends it to everyone; stackd decides
process.on("SIGHUP", () => {});

const log = createLogger((line) => process.stdout.write(line));
await runArbiter({ control, run, app, instance, log, stop: stop.signal });
process.exit(0);
