/**
 * The edge's side of one GET over the worker protocol, as a health check needs it: only the status
 * of the answer matters, its body is granted and dropped. Pure: bytes in, text out.
 */
import {
  createWorkerFrameReader,
  encodeRequest,
  encodeWindow,
  workerProtocolVersion,
} from "@stack/protocols";
import type { HealthAnswer } from "./health-tally.ts";

export interface ProbeStep {
  /** Latin-1, to be written to the worker; may be empty. */
  readonly send: string;
  /** Known once the exchange is over; then the connection is closed. */
  readonly answer: HealthAnswer | undefined;
}

/** @returns what each chunk that came from the worker leads to */
export function createProbeExchange(path: string): (chunk: Buffer) => ProbeStep {
  let asked = false;
  let status = 0;
  let send = "";
  let answer: HealthAnswer | undefined;

  const reader = createWorkerFrameReader({
    onReady(version) {
      if (version !== workerProtocolVersion) answer = broken(`it speaks version ${version}`);
      else if (!asked) send += encodeRequest(cgiBlock(path), false);
      asked = true;
    },
    onInform() {},
    onHead(text) {
      status = Number(text.slice(0, 3));
    },
    onBody(_buffer, start, end) {
      send += encodeWindow(end - start);
    },
    onEnd() {
      answer = { kind: "status", status };
    },
    onFail() {
      answer = { kind: "status", status: 500 };
    },
    onWindow() {},
    onGoaway() {
      if (!asked) answer = broken("it is draining");
    },
  });

  return (chunk) => {
    send = "";
    const problem = reader.push(chunk, 0, chunk.length);
    if (problem !== "" && answer === undefined) answer = broken(problem);
    if (answer !== undefined) reader.stop();
    return { send, answer };
  };
}

function broken(reason: string): HealthAnswer {
  return { kind: "broken", reason };
}

function cgiBlock(target: string): string {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const variables = {
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "",
    PATH_INFO: decodePath(path),
    QUERY_STRING: mark < 0 ? "" : target.slice(mark + 1),
    REQUEST_URI: target,
    SERVER_NAME: "localhost",
    SERVER_PORT: "80",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "127.0.0.1",
    REMOTE_PORT: "0",
    "wsgi.url_scheme": "http",
    HTTP_HOST: "localhost",
    HTTP_USER_AGENT: "stack-health",
  };
  return Object.entries(variables).flat().join("\0");
}

/** As an edge does it: bytes, each a latin-1 character; what is no escape stays as it is. */
function decodePath(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
