/**
 * Every request of `fixtures/messages/requests.ts` through a real edge, over raw bytes on both sides:
 * what is refused with which status, and what exactly a server and a worker get of the rest. Each is
 * followed by a second request on the same connection: it must be answered as a request of its own,
 * or never reach anybody.
 */
import { exchangeRaw } from "@stack/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EdgeProcess, limits, route, startEdge } from "./edge-process.ts";
import { type FakeWorker, startWorker } from "./fake-worker.ts";
import { type Recorder, startRecorder } from "./fixtures/messages/recorder.ts";
import { type RequestCase, requestCases } from "./fixtures/messages/requests.ts";
import { type Message, readMessages, valuesOf } from "./fixtures/messages/wire.ts";

const plan = { limits: { ...limits, bodyBytes: 64 * 1024 } };
const after = "GET /after HTTP/1.1\r\nHost: after.test\r\nConnection: close\r\n\r\n";

let recorder: Recorder;
let toServer: EdgeProcess;
let toWorker: EdgeProcess;
let worker: FakeWorker;
/** What the worker got since the last look. */
let told: { readonly env: ReadonlyMap<string, string>; readonly body: string }[] = [];

beforeAll(async () => {
  recorder = await startRecorder((received, socket) => {
    if (isWhole(received)) {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
  });
  toServer = await startEdge({
    threads: 1,
    plan: {
      ...plan,
      routes: [route("/*", { kind: "upstream", upstream: "recorder" })],
      upstreams: { recorder: { servers: [recorder.address] } },
    },
  });
  toWorker = await startEdge({
    threads: 1,
    plan: { ...plan, routes: [route("/*", { kind: "app", app: "shop" })] },
  });
  worker = await startWorker(toWorker.folder, async (request) => {
    const body = request.hasBody ? (await request.body).toString("latin1") : "";
    told.push({ env: request.env, body });
    await request.answer("ok");
  });
  await toWorker.arbiter("shop", [worker.record]);
}, 60_000);

afterAll(async () => {
  await toServer[Symbol.asyncDispose]();
  await toWorker[Symbol.asyncDispose]();
  await worker[Symbol.asyncDispose]();
  await recorder[Symbol.asyncDispose]();
}, 60_000);

function isWhole(received: string): boolean {
  if (!received.includes("\r\n\r\n")) return false;
  return readMessages(received, "request").every(({ isComplete }) => isComplete);
}

/** Whether the connection ends with the message, as the client asked. */
function closes(raw: string): boolean {
  const head = raw.slice(0, raw.indexOf("\r\n\r\n"));
  return / HTTP\/1\.0(?:\r\n|$)/.test(head) || /^connection:.*\bclose\b/im.test(head);
}

async function statusesOf(edge: EdgeProcess, { raw }: RequestCase): Promise<readonly number[]> {
  const stream = await exchangeRaw(edge.target, [raw + after], undefined, 20_000);
  const answers = readMessages(stream, "response", (index) =>
    index === 0 ? methodOf(raw) : "GET",
  );
  expect(answers.every(({ isComplete }) => isComplete)).toBe(true);
  const last = answers[answers.length - 1];
  expect(last && valuesOf(last, "connection")).toEqual(["close"]);
  return answers.map(({ line }) => Number(line.slice(9, 12))).filter((status) => status !== 100);
}

function methodOf(raw: string): string {
  return /^(?:\r\n)?(\S+)/.exec(raw)?.[1] ?? "";
}

function summaryOf({ line, body }: Pick<Message, "line" | "body">): string {
  const request = line.replace(/ HTTP\/1\.1$/, "");
  return body === "" ? request : `${request} + ${body}`;
}

describe.for(Object.keys(Object.groupBy(requestCases, ({ family }) => family)))("%s", (family) => {
  const cases = requestCases.filter((one) => one.family === family);

  test.for(cases)("$what, to a server", async (one) => {
    recorder.take();
    const statuses = await statusesOf(toServer, one);
    const streams = recorder.take();
    const got = streams.flatMap((stream) => readMessages(stream, "request"));
    if (typeof one.verdict === "number") {
      expect(statuses).toEqual([one.verdict]);
      expect(streams.join()).not.toContain("after");
      // Of a body that turns out to be bad some may have been passed on, and never its end.
      expect(got.filter(({ isComplete }) => isComplete)).toEqual([]);
      return;
    }
    const isLast = closes(one.raw);
    expect(statuses).toEqual(isLast ? [200] : [200, 200]);
    expect(got.map(summaryOf)).toEqual(isLast ? [one.verdict] : [one.verdict, "GET /after"]);
    const [message] = got;
    if (message === undefined) return;
    expect(valuesOf(message, "host")).toHaveLength(1);
    for (const { name, value } of one.fields.map(readExpected)) {
      if (value === undefined) expect(valuesOf(message, name), name).toEqual([]);
      else expect(valuesOf(message, name), name).toContain(value);
    }
  });

  test.for(cases)("$what, to a worker", async (one) => {
    told = [];
    const statuses = await statusesOf(toWorker, one);
    if (typeof one.verdict === "number") {
      expect(statuses).toEqual([one.verdict]);
      expect(told).toEqual([]);
      return;
    }
    const isLast = closes(one.raw);
    expect(statuses).toEqual(isLast ? [200] : [200, 200]);
    expect(told).toHaveLength(isLast ? 1 : 2);
    const [{ env, body } = { env: new Map<string, string>(), body: "" }] = told;
    const [request = "", sent = ""] = one.verdict.split(/ \+ (.*)/s);
    const [, method, target = ""] = /^(\S+) (.*)$/s.exec(request) ?? [];
    const [path = "", query = ""] = target.split(/\?(.*)/s);
    expect(env.get("REQUEST_METHOD")).toBe(method);
    expect(env.get("PATH_INFO")).toBe(decodePercent(path));
    expect(decodePercent(env.get("QUERY_STRING") ?? "")).toBe(decodePercent(query));
    expect(body).toBe(sent);
    for (const { name, value } of one.fields.map(readExpected)) {
      if (name.includes("_")) continue; // another's name in CGI
      const found = env.get(cgiName(name));
      if (value === undefined) expect(found, name).toBeUndefined();
      else expect(found?.split(/, ?|; /), name).toEqual(expect.arrayContaining(value.split(/, ?/)));
    }
  });
});

/** "name: value", or "-name" for none of it. */
function readExpected(field: string): {
  readonly name: string;
  readonly value: string | undefined;
} {
  const [, name = "", value] = /^-?([^:]+)(?:: (.*))?$/s.exec(field) ?? [];
  return { name, value };
}

function cgiName(name: string): string {
  const key = name.toUpperCase().replaceAll("-", "_");
  return key === "CONTENT_LENGTH" ? key : `HTTP_${key}`;
}

function decodePercent(text: string): string {
  return text.replace(/%([0-9A-F]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
