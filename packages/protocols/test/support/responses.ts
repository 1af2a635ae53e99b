/** Responses as raw text, through the codec as an edge uses it. */
import {
  clientFraming,
  createResponseHead,
  findHeadEnd,
  formatResponseHead,
  noBody,
  parseResponseHead,
  type ResponseHead,
  type ResponseOptions,
} from "../../src/index.ts";
import { limits } from "./requests.ts";

export const date = "Sun, 22 Nov 2026 10:00:00 GMT";

export const responseOptions: ResponseOptions = {
  minor: 1,
  keepAlive: true,
  framing: noBody,
  date,
  extra: "",
};

/** 0, or 502, of a raw response; -1 when more bytes are needed. */
export function parseAnswer(
  raw: string,
  requestMethod = "GET",
): { readonly status: number; readonly head: ResponseHead } {
  const head = createResponseHead();
  const end = findHeadEnd(raw, 0, 0, limits);
  if (end < 0) return { status: 502, head };
  if (end === 0) return { status: -1, head };
  return { status: parseResponseHead(raw, 0, end, limits, requestMethod, head), head };
}

/** The lines a client of HTTP/1.`minor` gets for a raw response. */
export function answeredLines(raw: string, requestMethod = "GET", minor = 1): string[] {
  const { status, head } = parseAnswer(raw, requestMethod);
  if (status !== 0) throw new Error(`refused: ${head.problem}`);
  const framing = clientFraming(head, minor);
  const text = formatResponseHead(head, { ...responseOptions, minor, framing });
  if (!text.endsWith("\r\n\r\n")) throw new Error("no empty line at the end");
  return text.slice(0, -4).split("\r\n");
}
