/** Responses as raw text, through the codec as an edge uses it. */
import {
  createResponseHead,
  findHeadEnd,
  parseResponseHead,
  type ResponseHead,
} from "../../src/index.ts";
import { limits } from "./requests.ts";

export const date = "Sun, 22 Nov 2026 10:00:00 GMT";

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

/** The lines that are passed on of a raw response. */
export function passedOn(raw: string, requestMethod = "GET"): string[] {
  const { status, head } = parseAnswer(raw, requestMethod);
  if (status !== 0) throw new Error(`refused: ${head.problem}`);
  return head.forwardable.split("\r\n").filter((line) => line !== "");
}
