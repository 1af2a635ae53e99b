/** `stack serve`: the app server alone, behind somebody else's web server, until a signal. */
import { StackError, version } from "@stack/base";
import { relativeTo } from "../core/error-block.ts";
import { commandHelp } from "../core/help.ts";
import { planServe, type ServeFlags, type ServePlan } from "../core/serve-config.ts";
import { explainAsFlags } from "../core/serve-errors.ts";
import { badArguments } from "../errors.ts";
import { loadConfig } from "../io/load-config.ts";
import { writeServeConfig } from "../io/serve-place.ts";
import { createSession, type Invocation, type Session } from "../io/session.ts";
import { startStack } from "../io/start-stack.ts";
import { type StayFlags, stay } from "./stay.ts";

export interface ServeOptions extends ServeFlags, StayFlags {
  readonly state?: string | undefined;
}

export async function runServe(
  { context, flags }: Invocation,
  target: string,
  options: ServeOptions,
): Promise<number> {
  const session = createSession(context, flags);
  const plan = planServe(target, options, session.folder);
  if ("problem" in plan) {
    throw badArguments({ problem: plan.problem, usage: commandHelp.serve.usage });
  }
  try {
    return await serve(session, plan, options);
  } catch (error) {
    // The config was written by us: what is wrong in it is wrong in a flag.
    throw error instanceof StackError ? explainAsFlags(error, plan) : error;
  }
}

async function serve(session: Session, plan: ServePlan, options: ServeOptions): Promise<number> {
  const place = writeServeConfig(session, plan, options.state);
  const config = loadConfig(session, place).then((loaded) => {
    const binds = plan.binds.map(({ written }) => written).join(" ");
    const where = relativeTo(session.folder, place.folder);
    session.say(`stack ${version}  ${plan.name}  ${binds}  (stack status -c ${where})`);
    return loaded;
  });
  using stack = await startStack(session, place, {
    config,
    owned: true,
    watch: options.watch === true,
  });
  return await stay(session, place, stack, config, options);
}
