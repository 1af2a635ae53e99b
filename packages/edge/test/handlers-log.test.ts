/** What the edge says about requests: access log, the client behind proxies, counters. */
import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { route, startEdge } from "./edge-process.ts";

const routes = [
  route("/fixed", { kind: "respond", status: 200, body: "fixed\n", type: "text/plain" }),
  route("/moved/*", { kind: "redirect", to: "https://new.test{path}{query}", status: 308 }),
];

const get = (target: string, fields = ""): string =>
  `GET ${target} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${fields}\r\n`;

function linesOf(file: string): { readonly path: string }[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { readonly path: string });
  } catch {
    return [];
  }
}

test("every request leaves one line that no client can forge", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "access.log");
  await using edge = await startEdge({
    plan: { routes, accessLog: { file, format: "json" }, trustedProxies: ["127.0.0.0/8"] },
  });
  await exchangeRaw(edge.target, [
    get(
      '/fixed?a="}',
      'User-Agent: x"} \\ \u00e9\r\nX-Forwarded-For: 1.1.1.1, 203.0.113.7\r\nCookie: s=1\r\n',
    ),
  ]);
  await exchangeRaw(edge.target, [get("/moved/a?x=1", "Referer: https://a.test/\r\n")]);
  await exchangeRaw(edge.target, [get("/nothing")]);
  const lines = await eventually("three lines", () => {
    const read = linesOf(file);
    return read.length === 3 && read;
  });
  const byPath = new Map(lines.map((line) => [line.path, line]));
  expect(byPath.get("/fixed")).toMatchObject({
    client: "203.0.113.7",
    method: "GET",
    host: "shop.test",
    query: 'a="}',
    status: 200,
    bytes: 6,
    agent: 'x"} \\ \u00e9',
  });
  expect(byPath.get("/moved/a")).toMatchObject({ status: 308, referer: "https://a.test/" });
  expect(byPath.get("/nothing")).toMatchObject({ status: 404, client: "127.0.0.1" });
  expect(readFileSync(file, "utf8")).not.toContain("s=1");
});

test("the log goes on in a new file when the old one is renamed away", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "access.log");
  await using edge = await startEdge({ plan: { routes, accessLog: { file, format: "json" } } });
  await exchangeRaw(edge.target, [get("/fixed")]);
  await eventually("a line", () => linesOf(file).length === 1);
  renameSync(file, `${file}.1`);
  let sent = 1;
  await eventually("a new file", async () => {
    await exchangeRaw(edge.target, [get("/fixed")]);
    sent += 1;
    return linesOf(file).length > 0;
  });
  await eventually("every line", () => linesOf(file).length + linesOf(`${file}.1`).length === sent);
});

test("a log that cannot be written costs lines, not requests", async () => {
  await using edge = await startEdge({
    plan: { routes, accessLog: { file: "/dev/full", format: "json" } },
  });
  for (let round = 0; round < 20; round += 1) {
    expect(await exchangeRaw(edge.target, [get("/fixed")])).toContain("fixed");
  }
  await eventually("a warning", () => edge.output().includes("cannot be written"));
  expect(edge.output().match(/cannot be written/g)?.length).toBeLessThanOrEqual(2);
});

test("requests and answers are counted over all threads", async () => {
  await using edge = await startEdge({ plan: { routes } });
  for (let round = 0; round < 10; round += 1) await exchangeRaw(edge.target, [get("/fixed")]);
  await exchangeRaw(edge.target, [get("/nothing")]);
  const metrics = await eventually("the counts", () => {
    const seen = edge.metrics();
    return seen?.requests === 11 && seen;
  });
  expect(metrics.answers.slice(2, 5)).toEqual([10, 0, 1]);
  expect(metrics.latencyMs?.p50).toBeGreaterThan(0);
});

test("a redirect takes path and query along and stays one line", async () => {
  await using edge = await startEdge({ threads: 1, plan: { routes } });
  const answer = await exchangeRaw(edge.target, [get("/moved/%0d%0aSet-Cookie:x=1?a=b%0a")]);
  expect(answer).toMatch(
    /^HTTP\/1\.1 308 .*\r\nLocation: https:\/\/new\.test\/moved\/%0D%0ASet-Cookie:x=1\?a=b%0a\r\n/s,
  );
  expect(answer).not.toMatch(/^Set-Cookie/im);
});
