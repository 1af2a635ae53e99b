/**
 * Entry of an arbiter: `arbiter --control PATH --run DIR --app NAME --instance N`. Started by the
 * keeper on stackd's word; all it needs to know about the app comes over the control socket.
 */
import { parseArgs } from "node:util";
import { createLogger } from "@stack/base";
import { type ArbiterSignal, arbiterSignals } from "@stack/control";
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
process.on("SIGINT", () => {}); // the terminal sends it to everyone; stackd decides

function onSignal(act: (signal: ArbiterSignal) => void): void {
  for (const signal of arbiterSignals) process.on(signal, () => act(signal));
}

const log = createLogger((line) => process.stdout.write(line));
await runArbiter({ control, run, app, instance, log, onSignal });
process.exit(0);
