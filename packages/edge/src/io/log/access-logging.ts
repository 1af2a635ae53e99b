/** From a request that has ended to its line in the access log. */
import type { EdgePlan } from "@stack/config";
import { headerValue } from "@stack/protocols";
import { describeOutcome } from "../../core/cache/outcomes.ts";
import { type AccessEntry, createAccessLineFormatter } from "../../core/measuring/access-log.ts";
import { routeLabel } from "../../core/measuring/route-label.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { AccessLogWriter } from "./access-log-writer.ts";

/** Whether lines say something that must be measured for them. */
export function logsTimes(plan: EdgePlan["accessLog"]): boolean {
  if (plan === null) return false;
  if (plan.format === "json") return plan.timings === true;
  return /\{(?:connect|first-byte|release)\}/.test(plan.format);
}

/** For a plan that has an access log. */
export function createAccessLogging(
  plan: EdgePlan,
  writer: AccessLogWriter,
): (exchange: ClientExchange, durationMs: number) => void {
  const formatLine = createAccessLineFormatter(plan.accessLog?.format ?? "json");
  const labels = plan.routes.map(routeLabel);
  const entry: { -readonly [Key in keyof AccessEntry]: AccessEntry[Key] } = {
    timeMs: 0,
    client: "",
    user: "",
    method: "",
    host: "",
    path: "",
    query: "",
    protocol: "",
    status: 0,
    bytes: 0,
    durationMs: 0,
    app: "",
    worker: "",
    queueMs: 0,
    connectMs: -1,
    firstByteMs: -1,
    release: "",
    cache: "",
    route: "",
    id: "",
    trace: "",
    referer: "",
    agent: "",
  };
  return (exchange, durationMs) => {
    const { head, client } = exchange;
    const question = head.target.indexOf("?");
    entry.timeMs = exchange.io.thread.timeOrigin + exchange.startedAt;
    entry.client = client.address;
    entry.user = exchange.user;
    entry.method = head.method;
    entry.host = head.host;
    entry.path = question < 0 ? head.target : head.target.slice(0, question);
    entry.query = question < 0 ? "" : head.target.slice(question + 1);
    entry.protocol = exchange.io.dialect?.protocol ?? (head.minor === 1 ? "HTTP/1.1" : "HTTP/1.0");
    entry.status = exchange.status;
    entry.bytes = exchange.answerBodiless ? 0 : exchange.answerBytes;
    entry.durationMs = durationMs;
    entry.app = exchange.app;
    entry.worker = exchange.servedBy;
    entry.queueMs = exchange.queueMs;
    const { times, route } = exchange;
    entry.connectMs = times === undefined ? -1 : times.connectMs;
    entry.firstByteMs = times === undefined ? -1 : times.firstByteMs;
    entry.release = times === undefined ? "" : times.release;
    const { cacheOutcome } = exchange;
    entry.cache = cacheOutcome === undefined ? "" : describeOutcome(cacheOutcome);
    entry.route = exchange.plan === plan ? (labels[route.index] ?? "") : "";
    entry.id = exchange.requestId;
    entry.trace = exchange.traceId;
    entry.referer = headerValue(head, "referer") ?? "";
    entry.agent = headerValue(head, "user-agent") ?? "";
    writer.write(formatLine(entry));
  };
}
