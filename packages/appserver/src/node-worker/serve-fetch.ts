/** Serves a `fetch` handler (Request in, Response out) behind node:http; runs in the worker. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

export type FetchHandler = (request: Request) => Response | Promise<Response>;

export function serveFetch(
  handler: FetchHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.on("close", () => {
      if (!outgoing.writableFinished) gone.abort();
    });
    const response = await handler(requestOf(incoming, gone.signal));
    if (outgoing.destroyed) return;
    outgoing.statusCode = response.status;
    if (response.statusText !== "") outgoing.statusMessage = response.statusText;
    for (const [name, value] of response.headers) {
      if (name !== "set-cookie") outgoing.setHeader(name, value);
    }
    const cookies = response.headers.getSetCookie();
    if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
    if (response.body === null || incoming.method === "HEAD") {
      outgoing.end();
      await response.body?.cancel();
      return;
    }
    try {
      await pipeline(Readable.fromWeb(response.body as ReadableStream), outgoing);
    } catch (error) {
      if (!gone.signal.aborted) throw error; // a client that left is not the app's fault
    }
  };
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
  }
  const scheme = headers.get("x-forwarded-proto") ?? "http";
  const url = new URL(incoming.url ?? "/", `${scheme}://${headers.get("host") ?? "localhost"}`);
  const method = incoming.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {}),
  } as RequestInit);
}
