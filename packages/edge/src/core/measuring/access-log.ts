/**
 * One line of the access log per request. Everything a client sent is escaped, so that it can
 * neither end a line nor a quoted value; lines are plain ASCII whatever came. Only what is named
 * here is ever logged: no cookie, no authorization, no body.
 */
import { createTimestampFormatter, thousandth } from "./timestamps.ts";

/** Texts are latin-1, as the codec hands them out; "" is unknown. */
export interface AccessEntry {
  /** Unix time of the request, in milliseconds. */
  readonly timeMs: number;
  readonly client: string;
  /** Who gave a password that was right. */
  readonly user: string;
  readonly method: string;
  readonly host: string;
  /** As received, without the query. */
  readonly path: string;
  /** Without its "?". */
  readonly query: string;
  /** "HTTP/1.1" */
  readonly protocol: string;
  readonly status: number;
  /** Of the answer's body, sent. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly app: string;
  /** "shop-1.2", or the address of an upstream's server. */
  readonly worker: string;
  readonly queueMs: number;
  /** -1 where it was not measured; 0 where a connection was there. */
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly release: string;
  /** "hit", "miss expired"; "" where the route has none. */
  readonly cache: string;
  /** As in the metrics: "/api/*". */
  readonly route: string;
  readonly id: string;
  readonly trace: string;
  readonly referer: string;
  readonly agent: string;
}

/** Returns the line with its newline. */
export type AccessLineFormatter = (entry: AccessEntry) => string;

type Field = keyof typeof fields;

/**
 * @param format "json", "combined", or a template with `{method}`, `{path}` …; a name in braces that
 *   is no field (see `unknownAccessLogFields`) stays as it is written
 */
export function createAccessLineFormatter(format: string): AccessLineFormatter {
  if (format === "json") return createJsonFormatter();
  if (format === "combined") {
    return createTemplateFormatter(
      '{client} - {user} [{time-common}] "{request}" {status} {bytes} "{referer}" "{agent}"',
    );
  }
  return createTemplateFormatter(format);
}

/** Names in braces that a template cannot have. */
export function unknownAccessLogFields(format: string): readonly string[] {
  return [...format.matchAll(placeholder)]
    .map((match) => match[1] ?? "")
    .filter((name) => name !== "time" && name !== "time-common" && !Object.hasOwn(fields, name));
}

const placeholder = /\{([a-zA-Z-]+)\}/g;

const fields = {
  client: (entry: AccessEntry) => orDash(entry.client),
  user: (entry: AccessEntry) => orDash(entry.user),
  method: (entry: AccessEntry) => orDash(entry.method),
  host: (entry: AccessEntry) => orDash(entry.host),
  path: (entry: AccessEntry) => orDash(entry.path),
  /** With its "?", so that `{path}{query}` is the target. */
  query: (entry: AccessEntry) => (entry.query === "" ? "" : `?${escapeText(entry.query)}`),
  protocol: (entry: AccessEntry) => orDash(entry.protocol),
  request: (entry: AccessEntry) =>
    entry.method === ""
      ? "-"
      : `${escapeText(entry.method)} ${escapeText(entry.path)}${fields.query(entry)} ${escapeText(entry.protocol)}`,
  status: (entry: AccessEntry) => String(entry.status),
  bytes: (entry: AccessEntry) => String(entry.bytes),
  duration: (entry: AccessEntry) => formatMs(entry.durationMs),
  app: (entry: AccessEntry) => orDash(entry.app),
  worker: (entry: AccessEntry) => orDash(entry.worker),
  queue: (entry: AccessEntry) => formatMs(entry.queueMs),
  connect: (entry: AccessEntry) => msOrDash(entry.connectMs),
  "first-byte": (entry: AccessEntry) => msOrDash(entry.firstByteMs),
  release: (entry: AccessEntry) => orDash(entry.release),
  cache: (entry: AccessEntry) => orDash(entry.cache),
  upstream: (entry: AccessEntry) => (entry.app === "" ? orDash(entry.worker) : "-"),
  route: (entry: AccessEntry) => orDash(entry.route),
  id: (entry: AccessEntry) => orDash(entry.id),
  trace: (entry: AccessEntry) => orDash(entry.trace),
  referer: (entry: AccessEntry) => orDash(entry.referer),
  agent: (entry: AccessEntry) => orDash(entry.agent),
} as const;

function createTemplateFormatter(template: string): AccessLineFormatter {
  const timestamps = createTimestampFormatter();
  // The capture group makes split() keep the names, at every odd place.
  const parts = template.split(placeholder).map((text, index) => {
    if (index % 2 === 0) return () => text;
    if (text === "time") return (entry: AccessEntry) => timestamps.iso(entry.timeMs);
    if (text === "time-common") return (entry: AccessEntry) => timestamps.common(entry.timeMs);
    return Object.hasOwn(fields, text) ? fields[text as Field] : () => `{${text}}`;
  });
  return (entry) => {
    let line = "";
    for (const part of parts) line += part(entry);
    return `${line}\n`;
  };
}

function createJsonFormatter(): AccessLineFormatter {
  const timestamps = createTimestampFormatter();
  return (entry) => {
    let line = `{"time":"${timestamps.iso(entry.timeMs)}","client":"${escapeJson(entry.client)}"`;
    if (entry.user !== "") line += `,"user":"${escapeJson(entry.user)}"`;
    line += `,"method":"${escapeJson(entry.method)}","host":"${escapeJson(entry.host)}","path":"${escapeJson(entry.path)}"`;
    if (entry.query !== "") line += `,"query":"${escapeJson(entry.query)}"`;
    line += `,"protocol":"${escapeJson(entry.protocol)}","status":${entry.status},"bytes":${entry.bytes},"durationMs":${formatMs(entry.durationMs)}`;
    if (entry.app !== "") {
      line += `,"app":"${escapeJson(entry.app)}","queueMs":${formatMs(entry.queueMs)}`;
    }
    if (entry.worker !== "") {
      line += `,"${entry.app === "" ? "upstream" : "worker"}":"${escapeJson(entry.worker)}"`;
    }
    if (entry.cache !== "") line += `,"cache":"${entry.cache}"`;
    if (entry.connectMs >= 0) line += `,"connectMs":${formatMs(entry.connectMs)}`;
    if (entry.firstByteMs >= 0) line += `,"firstByteMs":${formatMs(entry.firstByteMs)}`;
    if (entry.release !== "") line += `,"release":"${escapeJson(entry.release)}"`;
    if (entry.id !== "") line += `,"id":"${escapeJson(entry.id)}"`;
    if (entry.trace !== "") line += `,"trace":"${entry.trace}"`;
    if (entry.referer !== "") line += `,"referer":"${escapeJson(entry.referer)}"`;
    if (entry.agent !== "") line += `,"agent":"${escapeJson(entry.agent)}"`;
    return `${line}}\n`;
  };
}

/** With three decimals, also as JSON; `toFixed` takes longer than the rest of the line. */
function formatMs(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${thousandth(micros - whole * 1000)}`;
}

function msOrDash(ms: number): string {
  return ms < 0 ? "-" : formatMs(ms);
}

function orDash(text: string): string {
  return text === "" ? "-" : escapeText(text);
}

/** Whether it is printable ASCII without `"` and `\\`: most texts are, and a loop sees it fastest. */
function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || code > 0x7e || code === 0x22 || code === 0x5c) return false;
  }
  return true;
}

const unsafe = /[^ !#-[\]-~]/g;

/** As nginx does it: `\x22` for a quote, and so on for every byte that is not printable ASCII. */
function escapeText(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(unsafe, (char) => `\\x${hex(char, 2).toUpperCase()}`);
}

/** Bytes above 0x7f as `\u00e9`: which encoding the client meant is unknown. */
function escapeJson(text: string): string {
  if (isPlain(text)) return text;
  return text.replace(unsafe, (char) =>
    char === '"' || char === "\\" ? `\\${char}` : `\\u${hex(char, 4)}`,
  );
}

function hex(char: string, digits: number): string {
  return char.charCodeAt(0).toString(16).padStart(digits, "0");
}
