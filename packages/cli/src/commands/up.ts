/** `stack up`: starts everything; in the foreground it owns the stack, with `-d` it returns when all is ready. */
import { exitCodes, version } from "@stack/base";
import { relativeTo } from "../core/error-block.ts";
import { commandHelp } from "../core/help.ts";
import { countServices } from "../core/up-lines.ts";
import { badArguments } from "../errors.ts";
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
import { stayWithDashboard } from "./up-dashboard.ts";
import { stayPlain } from "./up-plain.ts";
import { watchStack } from "./up-watch.ts";

export interface UpFlags {
  readonly detach?: true | undefined;
  readonly tui: boolean;
  readonly port?: string | undefined;
  readonly watch?: true | undefined;
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
  const dashboard = !detach && wantsDashboard(session, options);
  const file = relativeTo(session.folder, place.config);
  const config = loadConfig(session, place).then((loaded) => {
    session.say(`stack ${version}  ${loaded.name}  ${file}  (${countServices(loaded)})`);
    return loaded;
  });

  using stack = await startStack(session, place, {
    config,
    owned: !detach,
    watch,
    ...(port === undefined ? {} : { port }),
  });
  await using _watching = watch
    ? await watchStack(session, place, stack, await config, dashboard)
    : undefined;
  if (dashboard) {
    stack.hush();
    return await stayWithDashboard(session, place, stack);
  }
  // Awaited here: the stack is followed until then.
  return detach
    ? await returnWhenReady(session, place, stack)
    : await stayPlain(session, place, stack, watch);
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

/** In a terminal on both ends, unless something says otherwise. */
function wantsDashboard(session: Session, options: UpFlags): boolean {
  const { env, stdin, stdout } = session.context;
  if (!options.tui || session.json || env["STACK_NO_TUI"] === "1") return false;
  if (env["CI"] !== undefined && env["CI"] !== "" && env["CI"] !== "false") return false;
  return stdin.isTTY === true && stdout.isTTY === true && env["TERM"] !== "dumb";
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw badArguments({ problem: `"${text}" is not a port`, usage: commandHelp.up.usage });
}
