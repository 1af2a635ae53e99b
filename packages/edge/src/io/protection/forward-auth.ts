/**
 * `auth: { forward }`: an app or upstream is asked whether a request may pass, by a GET with the
 * request's own headers. 2xx lets it through and its headers named in `copy` go along; any other
 * answer is the client's. What cannot be asked does not pass.
 */
import type { ForwardAuthPlan } from "@stack/config";
import {
  createRequestHead,
  editHeadLines,
  fieldId,
  lineField,
  lineName,
  lineStride,
  parseRequestHead,
  type RequestHead,
} from "@stack/protocols";
import type { ClientExchange } from "../client/client-state.ts";
import type { ProtectionParts } from "./gates.ts";
import type { Gate } from "./guarded-backend.ts";
import { createInnerExchange } from "./inner-exchange.ts";

/** The question is the client's head and a few lines more. */
const questionLimits = { headerBytes: Number.MAX_SAFE_INTEGER, headerCount: 2_000 };

/** Of the request: what describes its body, which is not sent, and what we say ourselves. */
const notAsked: ReadonlySet<number> = new Set([
  fieldId.contentLength,
  fieldId.transferEncoding,
  fieldId.contentType,
  fieldId.expect,
  fieldId.upgrade,
  fieldId.connection,
  fieldId.te,
  fieldId.trailer,
]);
/** Said of the client by whoever is trusted to; never by the client itself. */
const claims: ReadonlySet<number> = new Set([
  fieldId.forwardedFor,
  fieldId.forwardedProto,
  fieldId.forwardedHost,
  fieldId.realIp,
  fieldId.forwarded,
  fieldId.claimed,
  fieldId.internal,
]);
const ours: ReadonlySet<string> = new Set([
  "x-forwarded-method",
  "x-forwarded-uri",
  "x-original-method",
  "x-original-uri",
]);

export function createForwardAuth(plan: ForwardAuthPlan, parts: ProtectionParts): Gate {
  const copied = new Set(plan.copy.map((name) => name.toLowerCase()));
  return (exchange, passed) => {
    const target = parts.target(plan.kind, plan.name);
    if (target === undefined) {
      exchange.fail(502, "there is nobody to ask whether this may pass");
      return false;
    }
    const head = questionOf(exchange, plan.path, copied);
    if (head === undefined) {
      exchange.fail(431, "the headers are too large");
      return false;
    }
    const timer = setTimeout(() => {
      inner.giveUp();
      exchange.fail(504, "whoever is asked whether this may pass took too long");
    }, plan.timeoutMs);
    const inner = createInnerExchange(exchange, head, {
      isPassed: (status) => status >= 200 && status < 300,
      onPassed(fields) {
        clearTimeout(timer);
        takeAlong(exchange.head, fields, copied);
        passed();
      },
      onRefused: () => clearTimeout(timer),
    });
    target.handle(inner.exchange);
    return false;
  };
}

/** Undefined when it would be no valid request. */
function questionOf(
  exchange: ClientExchange,
  path: string,
  copied: ReadonlySet<string>,
): RequestHead | undefined {
  const { head, client } = exchange;
  let text = `GET ${path} HTTP/1.1\r\n`;
  if (head.host === "") text += `Host: ${exchange.connection.serverName}\r\n`;
  for (let index = 0; index < head.lineCount; index += 1) {
    const id = lineField(head, index);
    const name = lineName(head, index).toLowerCase();
    if (notAsked.has(id) || (claims.has(id) && !client.trusted)) continue;
    if (ours.has(name) || copied.has(name) || head.named?.has(name) === true) continue;
    text +=
      id === fieldId.host
        ? `Host: ${head.authority}\r\n`
        : head.text.slice(head.lines[index * lineStride], head.lines[(index + 1) * lineStride]);
  }
  const uri = head.hasQuery ? `${head.path}?${head.query}` : head.path;
  text += `X-Forwarded-Method: ${head.method}\r\nX-Forwarded-Uri: ${uri}\r\n`;
  text += `X-Original-Method: ${head.method}\r\nX-Original-URI: ${uri}\r\n\r\n`;
  const question = createRequestHead();
  const status = parseRequestHead(text, 0, text.length, questionLimits, question);
  return status === 0 ? question : undefined;
}

/** The answer's fields become the request's; what the client sent under these names goes. */
function takeAlong(head: RequestHead, fields: string, copied: ReadonlySet<string>): void {
  if (copied.size === 0) return;
  let added = "";
  for (const line of fields.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0 && copied.has(line.slice(0, colon).toLowerCase())) added += `${line}\r\n`;
  }
  editHeadLines(head, withUnderscores(head, copied), added);
}

/** `X_User` is the same variable as `X-User` to an app; such names are not forwarded, but be sure. */
function withUnderscores(head: RequestHead, copied: ReadonlySet<string>): ReadonlySet<string> {
  const removed = new Set(copied);
  for (let index = 0; index < head.lineCount; index += 1) {
    const name = lineName(head, index).toLowerCase();
    if (name.includes("_") && copied.has(name.replaceAll("_", "-"))) removed.add(name);
  }
  return removed;
}
