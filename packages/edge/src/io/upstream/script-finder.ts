/**
 * Which script of a FastCGI upstream a path means: a regular file below the root, wherever symbolic
 * links lead. What was found is believed for a second.
 */
import { realpath, stat } from "node:fs/promises";
import type { UpstreamPlan } from "@stack/config";
import {
  type CgiParams,
  noScript,
  type ScriptPath,
  scriptLookupPath,
  splitScriptPath,
} from "@stack/protocols";
import type { Exchange } from "../exchange.ts";

export interface ScriptFinder {
  /** Calls `found` now or later, unless there is no such script: then the exchange is answered. */
  readonly find: (exchange: Exchange, found: (exchange: Exchange) => void) => void;
  /** What was found for an exchange. */
  readonly paramsOf: (exchange: Exchange) => CgiParams;
}

interface Known {
  readonly isThere: boolean;
  readonly until: number;
}

const believedMs = 1_000;
const mostKnown = 1_000;

export function createScriptFinder(
  { front, index, root }: NonNullable<UpstreamPlan["scripts"]>,
  extra: CgiParams["extra"],
): ScriptFinder {
  const frontScript: ScriptPath | undefined =
    front === undefined ? undefined : { scriptName: `/${front}`, pathInfo: "" };
  const documentRoot = Buffer.from(root.replace(/\/+$/, "")).toString("latin1");
  const known = new Map<string, Known>();
  const scripts = new WeakMap<Exchange, ScriptPath>();

  const answer = (
    exchange: Exchange,
    entry: Known,
    script: ScriptPath,
    found: (exchange: Exchange) => void,
  ): void => {
    if (!entry.isThere) {
      if (frontScript === undefined || script === frontScript) {
        exchange.fail(404, "there is no such script");
      } else {
        look(exchange, frontScript, found);
      }
      return;
    }
    scripts.set(exchange, script);
    found(exchange);
  };
  const look = (
    exchange: Exchange,
    script: ScriptPath,
    found: (exchange: Exchange) => void,
  ): void => {
    const entry = known.get(script.scriptName);
    if (entry !== undefined && entry.until > performance.now()) {
      answer(exchange, entry, script, found);
      return;
    }
    void isBelow(documentRoot, script.scriptName).then((isThere) => {
      if (known.size >= mostKnown) known.clear();
      const fresh = { isThere, until: performance.now() + believedMs };
      known.set(script.scriptName, fresh);
      if (!exchange.done) answer(exchange, fresh, script, found);
    });
  };
  return {
    find(exchange, found) {
      const { head, route } = exchange;
      const stripped = route.stripLength === 0 ? "" : head.path.slice(0, route.stripLength);
      const script = splitScriptPath(scriptLookupPath(head, stripped), index) ?? frontScript;
      if (script === undefined) {
        exchange.fail(404, "no script answers this path");
        return;
      }
      look(exchange, script, found);
    },
    paramsOf(exchange) {
      const script = scripts.get(exchange);
      return script === undefined
        ? { ...noScript, documentRoot, extra }
        : { script, documentRoot, extra };
    },
  };
}

/** Never rejects. Names are latin-1 text of the bytes on the disk. */
async function isBelow(root: string, scriptName: string): Promise<boolean> {
  try {
    const [folder, file] = await Promise.all([
      realpath(Buffer.from(root, "latin1"), "latin1"),
      realpath(Buffer.from(root + scriptName, "latin1"), "latin1"),
    ]);
    if (!file.startsWith(folder === "/" ? folder : `${folder}/`)) return false;
    return (await stat(Buffer.from(file, "latin1"))).isFile();
  } catch {
    return false;
  }
}
