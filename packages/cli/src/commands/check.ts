/** `stack check`: is everything there that the config names? Starts nothing. */
import { exitCodes } from "@stack/base";
import { relativeTo } from "../core/error-block.ts";
import { checkConfig } from "../io/check-config.ts";
import { tryConnect } from "../io/connect.ts";
import { loadConfig } from "../io/load-config.ts";
import { createSession, findStack, type Invocation } from "../io/session.ts";

export async function runCheck(
  { context, flags }: Invocation,
  options: { readonly print?: true | undefined },
): Promise<number> {
  const session = createSession(context, flags);
  const place = findStack(session, flags);
  const config = await loadConfig(session, place);
  if (options.print === true) {
    session.print(JSON.stringify(config, null, 2));
    session.data("config", config);
    return exitCodes.ok;
  }
  using running = await tryConnect(place);
  const findings = await checkConfig(config, context.env, running !== undefined);
  const good = session.paint("good", session.unicode ? "✓" : "ok");
  const bad = session.paint("bad", session.unicode ? "✖" : "x");
  session.print(
    `${good} ${"config".padEnd(15)} ${relativeTo(session.folder, place.config)} is valid`,
  );
  const mind = session.paint("warn", "!");
  for (const { name, text, error, isWarning } of findings) {
    const sign = isWarning ? mind : good;
    session.print(
      `${error === null ? sign : bad} ${name.padEnd(15)} ${relativeTo(session.folder, text)}`,
    );
  }
  const reports = findings.flatMap(({ error }) =>
    // What keeps an app from starting is here a fault of the environment: nothing was started.
    error === null ? [] : [{ ...error.report, exit: exitCodes.environment }],
  );
  if (reports.length > 0) {
    session.say("");
    session.report(reports);
    return exitCodes.environment;
  }
  session.data("check", {
    config: place.config,
    found: findings.map(({ name, text }) => ({ name, text })),
  });
  return exitCodes.ok;
}
