/**
 * The header fields this engine has to know, each with a small number, so that a parsed line is
 * judged once and by a table lookup afterwards. Everything not listed here is `other`.
 */

export const fieldId = {
  other: 0,
  host: 1,
  connection: 2,
  contentLength: 3,
  transferEncoding: 4,
  expect: 5,
  upgrade: 6,
  keepAlive: 7,
  proxyConnection: 8,
  te: 9,
  trailer: 10,
  /** Proxy (httpoxy), Proxy-Authorization, HTTP2-Settings, …: never passed on. */
  dropped: 11,
  forwardedFor: 12,
  forwardedProto: 13,
  forwardedHost: 14,
  realIp: 15,
  forwarded: 16,
  /** Other fields by which a proxy speaks of a client: passed on from trusted peers only. */
  claimed: 17,
  via: 18,
  cookie: 19,
  contentType: 20,
  date: 21,
  /** X-Accel-*, X-Sendfile*: orders to a proxy; ours to obey, in neither direction to pass on unasked. */
  internal: 23,
  /** A name with "_": the same as one with "-" in a CGI environment, so never passed on. */
  underscore: 22,
} as const;

export type FieldId = (typeof fieldId)[keyof typeof fieldId];

/** Known names but those that begin with "x-". */
export const knownNames: readonly (readonly [name: string, id: FieldId])[] = [
  ["host", fieldId.host],
  ["connection", fieldId.connection],
  ["content-length", fieldId.contentLength],
  ["transfer-encoding", fieldId.transferEncoding],
  ["expect", fieldId.expect],
  ["upgrade", fieldId.upgrade],
  ["keep-alive", fieldId.keepAlive],
  ["proxy-connection", fieldId.proxyConnection],
  ["te", fieldId.te],
  ["trailer", fieldId.trailer],
  ["proxy", fieldId.dropped],
  ["proxy-authorization", fieldId.dropped],
  ["proxy-authenticate", fieldId.dropped],
  ["http2-settings", fieldId.dropped],
  ["forwarded", fieldId.forwarded],
  ["true-client-ip", fieldId.claimed],
  ["fastly-client-ip", fieldId.claimed],
  ["via", fieldId.via],
  ["cookie", fieldId.cookie],
  ["content-type", fieldId.contentType],
  ["date", fieldId.date],
];

/** Names that begin with "x-"; too many share their length to be found by it. */
const extended: ReadonlyMap<string, FieldId> = new Map([
  ["x-forwarded-for", fieldId.forwardedFor],
  ["x-forwarded-proto", fieldId.forwardedProto],
  ["x-forwarded-host", fieldId.forwardedHost],
  ["x-real-ip", fieldId.realIp],
  ["x-client-ip", fieldId.claimed],
  ["x-cluster-client-ip", fieldId.claimed],
  ["x-original-url", fieldId.claimed],
  ["x-rewrite-url", fieldId.claimed],
  ["x-request-start", fieldId.claimed],
  ["x-queue-start", fieldId.claimed],
]);

/**
 * Where a name of this length and first letter would stand in `knownNames`, counted from 1. A test
 * proves that no two share both.
 */
const byShape = shapes();

/** `knownNames` with capitals: "Content-Length". */
const usualNames = knownNames.map(([name]) =>
  name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase()),
);

/** The id of the field whose name is text[start, end), in any case. */
export function fieldIdAt(
  text: string,
  start: number,
  end: number,
  hasUnderscore: boolean,
): FieldId {
  if (hasUnderscore) return fieldId.underscore;
  const first = text.charCodeAt(start) & 31;
  if (first === 24) return extendedIdOf(text.slice(start, end).toLowerCase());
  const index = byShape[shapeOf(end - start, first)] as number;
  if (index !== 0) {
    const [name, id] = knownNames[index - 1] as (typeof knownNames)[number];
    // As nearly everybody writes it; to compare letter by letter in any case takes much longer.
    if (text.startsWith(usualNames[index - 1] as string, start)) return id;
    if (sameName(text, start, name)) return id;
  }
  return first === 3 && isCloudflare(text, start) ? fieldId.claimed : fieldId.other;
}

/** Whether the characters at `start` are `name` (lower case), in any case. */
export function sameName(text: string, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    let char = text.charCodeAt(start + index);
    if (char >= 65 && char <= 90) char |= 32;
    if (char !== name.charCodeAt(index)) return false;
  }
  return true;
}

function extendedIdOf(name: string): FieldId {
  const id = extended.get(name);
  if (id !== undefined) return id;
  if (name.startsWith("x-forwarded")) return fieldId.claimed;
  return name.startsWith("x-accel-") || name.startsWith("x-sendfile")
    ? fieldId.internal
    : fieldId.other;
}

/** CF-Connecting-IP and its family. */
function isCloudflare(text: string, start: number): boolean {
  return text.charCodeAt(start + 2) === 45 && (text.charCodeAt(start + 1) | 32) === 102;
}

function shapes(): Uint8Array {
  const table = new Uint8Array(32 * 32);
  for (const [index, [name]] of knownNames.entries()) {
    table[shapeOf(name.length, name.charCodeAt(0) & 31)] = index + 1;
  }
  return table;
}

/** Names of 32 characters and more share a shape that nothing known has. */
function shapeOf(length: number, firstLetter: number): number {
  return length > 31 ? 0 : length * 32 + firstLetter;
}
