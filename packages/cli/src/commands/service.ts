/** `stack restart|start|stop NAME…`. */
import { exitCodes } from "@stack/base";
import { createSession, type Invocation } from "../io/session.ts";
import { changeStack } from "./change.ts";

const past = { restart: "restarted", start: "started", stop: "stopped" } as const;

export async function runService(
  { context, flags }: Invocation,
  op: "restart" | "start" | "stop",
  names: readonly string[],
): Promise<number> {
  const session = createSession(context, flags);
  const what = names.join(", ");
  await changeStack(session, flags, {
    command: op,
    names,
    what: `${what} to be ${past[op]}`,
    done: `${past[op]} ${what}`,
    requests: [{ op, names }],
  });
  return exitCodes.ok;
}
