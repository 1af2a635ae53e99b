/** From a request that has ended to its line in the access log. */
import { headerValue } from "@stack/protocols";
import { type AccessEntry, createAccessLineFormatter } from "../../core/measuring/access-log.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { AccessLogWriter } from "./access-log-writer.ts";

/** @param format "json", "combined" or a template */
export function createAccessLogging(
  format: string,
  writer: AccessLogWriter,
): (exchange: ClientExchange, durationMs: number) => void {
  const formatLine = createAccessLineFormatter(format);
  const entry: { -readonly [Key in keyof AccessEntry]: AccessEntry[Key] } = {
    timeMs: 0,
    client: "",
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
    referer: "",
    agent: "",
  };
  return (exchange, durationMs) => {
    const { head, client } = exchange;
    const question = head.target.indexOf("?");
    entry.timeMs = exchange.io.thread.timeOrigin + exchange.startedAt;
    entry.client = client.address;
    entry.method = head.method;
    entry.host = head.host;
    entry.path = question < 0 ? head.target : head.target.slice(0, question);
    entry.query = question < 0 ? "" : head.target.slice(question + 1);
    entry.protocol =
      exchange.io.dialect?.protocol ?? (head.minor === 1 ? "HTTP/1.1" : "HTTP/1.0");
    entry.status = exchange.status;
    entry.bytes = exchange.answerBodiless ? 0 : exchange.answerBytes;
    entry.durationMs = durationMs;
    entry.app = exchange.app;
    entry.worker = exchange.servedBy;
    entry.queueMs = exchange.queueMs;
    entry.referer = headerValue(head, "referer") ?? "";
    entry.agent = headerValue(head, "user-agent") ?? "";
    writer.write(formatLine(entry));
  };
}
