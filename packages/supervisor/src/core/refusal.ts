/**
 * How the fall-back edge says 503 in the language of a listener. What it is asked is not read, but for
 * the number by which FastCGI knows a request. Pure.
 */
import type { SpokenProtocol } from "@stack/control";

const body = "503 Service Unavailable: the server is being restarted, try again in a moment\n";
const status = "503 Service Unavailable\r\n";
const fields = [
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${body.length}`,
  "Retry-After: 5",
  "Cache-Control: no-store",
].join("\r\n");
const httpAnswer = Buffer.from(`HTTP/1.1 ${status}${fields}\r\nConnection: close\r\n\r\n${body}`);
/** uwsgi's answers begin like those of HTTP. */
const uwsgiAnswer = Buffer.from(`HTTP/1.1 ${status}${fields}\r\n\r\n${body}`);
const cgiAnswer = Buffer.from(`Status: ${status}${fields}\r\n\r\n${body}`);
/** RFC 8446 §6: a fatal alert, internal_error; there is no key to say more with. */
const tlsAlert = Buffer.from([21, 3, 3, 0, 2, 2, 80]);

/**
 * Undefined for what cannot be answered: the connection is to be closed.
 *
 * @param said the first bytes of the client
 */
export function formatRefusal(spoken: SpokenProtocol, said: Uint8Array): Buffer | undefined {
  switch (spoken) {
    case "http":
      return httpAnswer;
    case "tls":
      return tlsAlert;
    case "uwsgi":
      return uwsgiAnswer;
    case "scgi":
      return cgiAnswer;
    case "fastcgi":
      return formatFastCgi(said);
  }
}

const fastCgi = { version: 1, beginRequest: 1, endRequest: 3, stdout: 6 } as const;

function formatFastCgi(said: Uint8Array): Buffer | undefined {
  const [version, type, high = 0, low = 0] = said;
  if (version !== fastCgi.version || type !== fastCgi.beginRequest) return undefined;
  const record = (kind: number, content: Uint8Array): Buffer => {
    const length = content.length;
    const head = [fastCgi.version, kind, high, low, length >> 8, length & 0xff, 0, 0];
    return Buffer.concat([Uint8Array.from(head), content]);
  };
  // The end of its output, then of the request: status 0, "request complete".
  return Buffer.concat([
    record(fastCgi.stdout, cgiAnswer),
    record(fastCgi.stdout, new Uint8Array(0)),
    record(fastCgi.endRequest, new Uint8Array(8)),
  ]);
}
