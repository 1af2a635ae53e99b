/** `stack up`: starts everything; in the foreground it owns the stack, with `-d` it returns when all is ready. */
import { exitCodes, version } from "@stack/base";
import { relativeTo } from "../core/error-block.ts";
import { commandHelp } from "../core/help.ts";
import { countServices } from "../core/up-lines.ts";
import { badArguments } from "../errors.ts";
import { warnOfRoot } from "../io/check-edge-user.ts";
import { loadConfig } from "../io/load-config.ts";
import {
  createSession,
  findStack,
  type Invocation,
  type Session,
  type StackPlace,
} from "../io/session.ts";
import { onEnding } from "../io/signals.ts";
import { type StartedStack, startStack, waitUntilReady } from "../io/start-stack.ts";
import { stopStack } from "../io/stop-stack.ts";
import { failStart } from "./fail-start.ts";
import { type StayFlags, stay } from "./stay.ts";

export interface UpFlags extends StayFlags {
  readonly detach?: true | undefined;
  readonly port?: string | undefined;
}

export async function runUp({ context, flags }: Invocation, options: UpFlags): Promise<number> {
  const watch = options.watch === true;
  if (watch && options.detach === true) {
    throw badArguments({
      problem: "--watch stays in the foreground: it cannot go with -d",
      usage: commandHelp.up.usage,
    });
  }
  const session = createSession(context, flags);
  const port = parsePort(options.port);
  const place = findStack(session, flags);
  const detach = options.detach === true;
  const file = relativeTo(session.folder, place.config);
  const config = loadConfig(session, place).then((loaded) => {
    session.say(`stack ${version}  ${loaded.name}  ${file}  (${countServices(loaded)})`);
    const warning = warnOfRoot(loaded);
    if (warning !== undefined) session.say(`warning: the edge ${warning}`);
    return loaded;
  });

  using stack = await startStack(session, place, {
    config,
    owned: !detach,
    watch,
    ...(port === undefined ? {} : { port }),
  });
  // Awaited here: the stack is followed until then.
  return detach
    ? await returnWhenReady(session, place, stack)
    : await stay(session, place, stack, config, options);
}

/** Ready: 0, and it goes on without us. Otherwise what was started is stopped again. */
async function returnWhenReady(
  session: Session,
  place: StackPlace,
  stack: StartedStack,
): Promise<number> {
  const interrupted = Promise.withResolvers<number>();
  using _signals = onEnding((signal) => interrupted.resolve(signal === "SIGINT" ? 130 : 143));
  try {
    const exit = await Promise.race([
      waitUntilReady(session, stack).then(() => exitCodes.ok),
      interrupted.promise,
    ]);
    if (exit !== exitCodes.ok) {
      session.say("interrupted: stopping what was started");
      await stopStack(session, place, stack.follow, stack.status(), { now: true });
      return exit;
    }
  } catch (error) {
    await failStart(session, place, stack, error);
  }
  const tookMs = Math.round(performance.now() - stack.startedMs);
  const urls = stack.status()?.edge?.urls ?? [];
  session.say(
    `ready in ${(tookMs / 1000).toFixed(1)}s.  \`stack status\`, \`stack logs -f\`, \`stack down\``,
  );
  session.print(urls.join("\n"));
  session.data("up", {
    stack: stack.status()?.stack ?? "",
    keeperPid: stack.follow.keeperPid,
    urls,
    tookMs,
  });
  return exitCodes.ok;
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw badArguments({ problem: `"${text}" is not a port`, usage: commandHelp.up.usage });
}
