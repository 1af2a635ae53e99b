/** Whether a 101 is the one that was asked for: no other may turn a connection into a tunnel. */
import { createHash } from "node:crypto";
import { headerValue, type RequestHead, type ResponseHead } from "@stack/protocols";

/** RFC 6455 §1.3. */
const websocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * @param upgrade what the request was allowed to ask for; "" for nothing
 * @returns what is wrong with it; "" when it is as it should be
 */
export function findSwitchProblem(
  request: RequestHead,
  upgrade: string,
  answer: ResponseHead,
): string {
  if (upgrade === "") return "it switched protocols unasked";
  // RFC 9110 §7.8: in HTTP/1.1, and Connection says so as well.
  if (answer.minor === 0 || answer.upgrade !== upgrade) return `it did not switch to ${upgrade}`;
  if (upgrade !== "websocket") return "";
  const key = headerValue(request, "sec-websocket-key") ?? "";
  const expected = createHash("sha1")
    .update(key + websocketGuid)
    .digest("base64");
  if (headerValue(answer, "sec-websocket-accept") === expected) return "";
  return "its Sec-WebSocket-Accept does not answer the key";
}
