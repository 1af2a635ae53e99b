/** The answer to a connection that is not let in, in the protocol of its listener: said unread, at once. */
import type { ListenerProtocol } from "@stack/config";
import { encodeAnswerEnd, encodeOutput, recordType } from "@stack/protocols";

/** The id of a FastCGI request that has not been read: every web server in use begins with 1. */
const firstId = 1;

/** @param http the whole answer, as HTTP/1.1 */
export function turnAwayAs(protocol: ListenerProtocol, http: string): string {
  if (protocol === "http" || protocol === "uwsgi") return http;
  const answer = http.replace("HTTP/1.1 ", "Status: ").replace("Connection: close\r\n", "");
  if (protocol === "scgi") return answer;
  return encodeOutput(recordType.stdout, firstId, answer) + encodeAnswerEnd(firstId);
}
