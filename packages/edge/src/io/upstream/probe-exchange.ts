/** A request of the edge's own, for health checks: goes through the same links as any other. */
import { createClientMemo, createRequestHead, parseRequestHead } from "@stack/protocols";
import type { Bytes, Exchange, ExchangeOwner, PreparedAnswer } from "../exchange.ts";

export interface ProbeResult {
  /** 0 when there was no answer. */
  readonly status: number;
  /** The first of it. */
  readonly body: string;
  /** "" for a whole answer. */
  readonly problem: string;
}

export interface ProbeRequest {
  readonly path: string;
  readonly host: string;
}

interface ProbeState {
  done: boolean;
  begun: boolean;
  status: number;
  body: string;
  owner: ExchangeOwner | undefined;
}

/** More of a body is not looked at. */
const mostBody = 64 * 1024;
const limits = { headerBytes: 16 * 1024, headerCount: 20 };

/** @param onDone called once; at once for a path that is none */
export function createProbeExchange(
  request: ProbeRequest,
  onDone: (result: ProbeResult) => void,
): Exchange & { readonly abort: (problem: string) => void } {
  const head = createRequestHead();
  const lines = ["User-Agent: stack-health", "Accept: */*"];
  const text = `GET ${request.path} HTTP/1.1\r\nHost: ${request.host}\r\n${lines.join("\r\n")}\r\n\r\n`;
  const refused = parseRequestHead(text, 0, text.length, limits, head);
  const state: ProbeState = { done: false, begun: false, status: 0, body: "", owner: undefined };
  const finish = (problem: string): void => {
    if (state.done) return;
    state.done = true;
    state.owner = undefined;
    onDone({ status: state.status, body: state.body, problem });
  };
  const exchange: Exchange & { readonly abort: (problem: string) => void } = {
    head,
    route: {
      action: { kind: "respond", status: 200, body: "", type: "" },
      stripLength: 0,
      prefixLength: 0,
      index: -1,
      source: "",
      choices: null,
    },
    client: { address: "", port: 0, scheme: "http", trusted: false },
    connection: {
      peerAddress: "127.0.0.1",
      peerPort: 0,
      scheme: "http",
      serverName: "localhost",
      serverPort: 80,
      said: createClientMemo(),
    },
    isHead: false,
    startedAt: performance.now(),
    bodyLength: 0,
    body: [],
    bodyBytes: 0,
    bodyComplete: true,
    bodyEnded: true,
    bodyReceived: 0,
    upgrade: "",
    readBody: () => {},
    resumeBody: () => {},
    get owner() {
      return state.owner;
    },
    set owner(owner: ExchangeOwner | undefined) {
      state.owner = owner;
    },
    servedBy: "",
    get begun() {
      return state.begun;
    },
    get done() {
      return state.done;
    },
    inform: () => {},
    begin(status) {
      state.begun = true;
      state.status = status;
    },
    switchProtocols: () => finish("it switched protocols"),
    write(bytes: Bytes) {
      if (state.body.length < mostBody) {
        state.body += typeof bytes === "string" ? bytes : bytes.toString("latin1");
      }
      return true;
    },
    isFlushed: () => true,
    end: () => finish(""),
    answer(status, _reason, _fields, body) {
      this.begin(status, "", "", body.length);
      this.write(body);
      this.end();
    },
    answerPrepared(answer: PreparedAnswer) {
      this.answer(answer.status, "", "", answer.body);
    },
    fail: (_status, reason) => finish(reason),
    abort(problem) {
      const { owner } = state;
      if (state.done) return;
      finish(problem);
      owner?.onAbort(exchange);
    },
  };
  if (refused !== 0) finish(head.problem);
  return exchange;
}
