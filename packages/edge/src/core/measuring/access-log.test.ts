import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AccessEntry,
  createAccessLineFormatter,
  unknownAccessLogFields,
} from "./access-log.ts";
import { createTimestampFormatter } from "./timestamps.ts";

const entry: AccessEntry = {
  timeMs: Date.UTC(2026, 10, 22, 10, 25, 43, 7),
  client: "192.0.2.7",
  user: "ann",
  method: "GET",
  host: "shop.test",
  path: "/a%20b",
  query: "x=1",
  protocol: "HTTP/1.1",
  status: 200,
  bytes: 12,
  durationMs: 1.23456,
  app: "shop",
  worker: "shop-1.2",
  queueMs: 0.5,
  connectMs: 0,
  firstByteMs: 1.1,
  release: "r42",
  cache: "",
  route: "/*",
  id: "edge-7",
  trace: "4bf92f3577b34da6a3ce929d0e0e4736",
  referer: "https://shop.test/",
  agent: 'A "quoted" agent',
};

test("a JSON line holds every field", () => {
  const line = createAccessLineFormatter("json")(entry);
  expect(line.endsWith("}\n")).toBe(true);
  expect(JSON.parse(line)).toEqual({
    time: "2026-11-22T10:25:43.007Z",
    client: "192.0.2.7",
    user: "ann",
    method: "GET",
    host: "shop.test",
    path: "/a%20b",
    query: "x=1",
    protocol: "HTTP/1.1",
    status: 200,
    bytes: 12,
    durationMs: 1.235,
    app: "shop",
    queueMs: 0.5,
    worker: "shop-1.2",
    connectMs: 0,
    firstByteMs: 1.1,
    release: "r42",
    id: "edge-7",
    trace: "4bf92f3577b34da6a3ce929d0e0e4736",
    referer: "https://shop.test/",
    agent: 'A "quoted" agent',
  });
});

test("a JSON line leaves out what is not known, and names an upstream as one", () => {
  const unknown = { user: "", connectMs: -1, firstByteMs: -1, release: "", id: "", trace: "" };
  const line = createAccessLineFormatter("json")({
    ...entry,
    ...unknown,
    app: "",
    worker: "[::1]:1",
  });
  const read: object = JSON.parse(line);
  expect(read).toMatchObject({ upstream: "[::1]:1" });
  for (const key of [...Object.keys(unknown), "app", "queueMs", "worker"]) {
    expect(read).not.toHaveProperty(key);
  }
});

test("the combined line is what log readers expect", () => {
  expect(createAccessLineFormatter("combined")(entry)).toBe(
    '192.0.2.7 - ann [22/Nov/2026:10:25:43 +0000] "GET /a%20b?x=1 HTTP/1.1" 200 12 "https://shop.test/" "A \\x22quoted\\x22 agent"\n',
  );
});

test("a template is filled in, with - for what is unknown", () => {
  const format = createAccessLineFormatter("{time} {method} {path}{query} {status} {app} {worker}");
  expect(format({ ...entry, app: "", query: "" })).toBe(
    "2026-11-22T10:25:43.007Z GET /a%20b 200 - shop-1.2\n",
  );
});

test("a template names fields that do not exist", () => {
  expect(unknownAccessLogFields("{method} {cookie} {time} {time-common} {toString}")).toEqual([
    "cookie",
    "toString",
  ]);
  expect(createAccessLineFormatter("{method} {cookie} {toString}")(entry)).toBe(
    "GET {cookie} {toString}\n",
  );
});

const anyByte = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
});

test("no bytes of a client forge a line or leave a quoted value", () => {
  fc.assert(
    fc.property(anyByte, anyByte, anyByte, (path, agent, referer) => {
      const forged = { ...entry, path, agent, referer };
      const json = createAccessLineFormatter("json")(forged);
      const combined = createAccessLineFormatter("combined")(forged);
      expect(json).toMatch(/^[ -~]+\n$/);
      expect(combined).toMatch(/^[ -~]+\n$/);
      expect(combined.split('"')).toHaveLength(7);
      const parsed = JSON.parse(json) as { path: string; agent?: string };
      expect(parsed.path).toBe(path);
      expect(parsed.agent ?? "").toBe(agent);
    }),
  );
});

test("a newline in the agent stays in its line", () => {
  const agent = 'x\n203.0.113.9 - - [forged] "GET /admin" 200';
  const line = createAccessLineFormatter("combined")({ ...entry, agent });
  expect(line.match(/\n/g)).toHaveLength(1);
  expect(line).toContain("x\\x0A203.0.113.9");
});

test("timestamps agree with the calendar", () => {
  const { iso } = createTimestampFormatter();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      expect(iso(ms)).toBe(new Date(ms).toISOString());
    }),
  );
});
