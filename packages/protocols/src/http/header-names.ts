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
  /** Proxy, Proxy-Authorization, Proxy-Authenticate, HTTP2-Settings, … : never passed on. */
  dropped: 11,
  forwardedFor: 12,
  forwardedProto: 13,
  forwardedHost: 14,
  realIp: 15,
  forwarded: 16,
  /** Other fields by which a proxy tells the truth about a client: passed on from trusted peers only. */
  claimed: 17,
  via: 18,
  cookie: 19,
  contentType: 20,
  date: 21,
  server: 22,
  /** A name with "_": indistinguishable from "-" in a CGI environment, so never passed on. */
  underscore: 23,
} as const;

export type FieldId = (typeof fieldId)[keyof typeof fieldId];

const known = new Map<string, FieldId>([
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
  ["x-forwarded-for", fieldId.forwardedFor],
  ["x-forwarded-proto", fieldId.forwardedProto],
  ["x-forwarded-host", fieldId.forwardedHost],
  ["x-real-ip", fieldId.realIp],
  ["forwarded", fieldId.forwarded],
  ["true-client-ip", fieldId.claimed],
  ["x-client-ip", fieldId.claimed],
  ["x-cluster-client-ip", fieldId.claimed],
  ["fastly-client-ip", fieldId.claimed],
  ["x-original-url", fieldId.claimed],
  ["x-rewrite-url", fieldId.claimed],
  ["x-request-start", fieldId.claimed],
  ["x-queue-start", fieldId.claimed],
  ["via", fieldId.via],
  ["cookie", fieldId.cookie],
  ["content-type", fieldId.contentType],
  ["date", fieldId.date],
  ["server", fieldId.server],
]);

/** Names that begin like these are claims of a proxy as well. */
const claimedPrefixes = ["x-forwarded", "x-sendfile", "x-accel-", "cf-"];

/** The id of a field name in any case. */
export function fieldIdOf(name: string): FieldId {
  const lower = name.toLowerCase();
  const id = known.get(lower);
  if (id !== undefined) return id;
  if (lower.includes("_")) return fieldId.underscore;
  if (claimedPrefixes.some((prefix) => lower.startsWith(prefix))) return fieldId.claimed;
  return fieldId.other;
}
