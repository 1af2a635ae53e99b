/** Several servers behind a real edge of two threads: who is asked, who waits, who is left out. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { UpstreamPlan } from "@stack/config";
import { eventually, exchangeRaw, freePort } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, timeoutsMs } from "./edge-process.ts";

/** Real servers take their time to start on a busy machine. */
interface Pending {
  readonly text: string;
  readonly answer: (body?: string) => void;
  readonly cut: () => void;
}

interface Backend extends AsyncDisposable {
  readonly address: string;
  /** Requests so far, health checks not counted. */
  readonly seen: string[];
  /** Those without an answer, oldest first; only where the test answers by hand. */
  readonly pending: Pending[];
  /** What health checks get. */
  health: string;
}

const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

/** @param name the body of its answers; "" for answers by hand */
async function startBackend(name: string, port = 0): Promise<Backend> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.setEncoding("latin1").on("data", (text: string) => {
      if (text.includes(" /ping ")) {
        socket.write(backend.health);
        return;
      }
      backend.seen.push(text);
      if (text.startsWith("GET /cut")) socket.destroy();
      else if (name !== "") socket.write(ok(name));
      else {
        backend.pending.push({
          text,
          answer: (body = "ok") => socket.write(ok(body)),
          cut: () => socket.destroy(),
        });
      }
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const backend: Backend = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen: [],
    pending: [],
    health: ok("pong"),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return backend;
}

let edge: EdgeProcess;

beforeAll(async () => {
  edge = await startEdge({ threads: 2 });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
});

let upstreams = 0;

/** Every test has an upstream of its own, so that nothing is remembered. */
async function use(plan: UpstreamPlan, firstByte = 10_000): Promise<string> {
  upstreams += 1;
  const name = `up-${upstreams}`;
  await edge.configure({
    routes: [route("/*", { kind: "upstream", upstream: name })],
    upstreams: { [name]: plan },
    admin: { address: null, token: null },
    timeoutsMs: { ...timeoutsMs, firstByte, connect: 1_000 },
  });
  return name;
}

function ask(target = "/", fields = "", method = "GET"): Promise<string> {
  const text = `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${fields}\r\n`;
  return exchangeRaw(edge.target, [text], undefined, 30_000);
}

const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);

async function askMany(count: number, target = "/", fields = ""): Promise<readonly string[]> {
  const bodies: string[] = [];
  for (let n = 0; n < count; n += 1) bodies.push(bodyOf(await ask(target, fields)));
  return bodies;
}

const countOf = (bodies: readonly string[], body: string): number =>
  bodies.filter((one) => one === body).length;

function stateOf(name: string, address: string): string | undefined {
  const servers = edge.metrics()?.upstreams?.[name]?.servers;
  return servers?.find((server) => server.address === address)?.state;
}

test("equal servers get equal shares, heavier ones more, backups nothing", async () => {
  await using one = await startBackend("one");
  await using two = await startBackend("two");
  await using spare = await startBackend("spare");
  const server = { weight: 1, backup: false, maxInFlight: null };
  const servers = [
    { ...server, address: one.address, weight: 3 },
    two.address,
    { ...server, address: spare.address, backup: true },
  ];
  await use({ servers, balance: "round-robin" });
  const bodies = await askMany(24);
  expect(countOf(bodies, "spare")).toBe(0);
  // Each thread counts its own turns.
  expect(Math.abs(countOf(bodies, "one") - 18)).toBeLessThanOrEqual(4);
});

test("while a server is busy the others are asked", async () => {
  await using slow = await startBackend("");
  await using quick = await startBackend("");
  await use({ servers: [slow.address, quick.address] });
  const held = Array.from({ length: 4 }, () => ask());
  await eventually("two to be held by each", () => {
    return slow.pending.length === 2 && quick.pending.length === 2;
  });
  let answered = 0;
  for (const one of held) void one.then(() => (answered += 1));
  for (const pending of quick.pending.splice(0)) pending.answer();
  await eventually("the edge to have both answers", () => answered === 2);
  for (let n = 0; n < 10; n += 1) {
    const answer = ask();
    await eventually("the other to be asked", () => quick.pending.length === 1);
    quick.pending.pop()?.answer("quick");
    expect(bodyOf(await answer)).toBe("quick");
  }
  expect(slow.pending).toHaveLength(2);
  for (const pending of slow.pending) pending.answer();
  await Promise.all(held);
});

test("equal keys find the same server, different ones all of them", async () => {
  await using one = await startBackend("one");
  await using two = await startBackend("two");
  await using three = await startBackend("three");
  await use({ servers: [one, two, three].map(({ address }) => address), balance: { hash: "uri" } });
  for (const target of ["/a", "/b", "/c?x=1"]) {
    expect(new Set(await askMany(4, target)).size).toBe(1);
  }
  const owners = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(`/item/${n}`)));
  expect(new Set(owners.map(bodyOf))).toEqual(new Set(["one", "two", "three"]));
});

test("a signed cookie brings a client back to its server, a forged one does not", async () => {
  await using one = await startBackend("one");
  const two = await startBackend("two");
  const sticky = { cookie: "srv", secret: "0123456789abcdef", maxAgeMs: 60_000 };
  await use({ servers: [one.address, two.address], sticky });
  const cookieOf = (answer: string): string | undefined =>
    /^Set-Cookie: (srv=[^;]+); Path=\/; Max-Age=60; HttpOnly; SameSite=Lax\r$/m.exec(answer)?.[1];
  let first = await ask();
  while (bodyOf(first) !== "two") first = await ask();
  const cookie = cookieOf(first);
  expect(cookie).toMatch(/^srv=[\w-]{22}$/);
  for (let n = 0; n < 6; n += 1) {
    const again = await ask("/", `Cookie: a=1; ${cookie}\r\n`);
    expect([bodyOf(again), cookieOf(again)]).toEqual(["two", undefined]);
  }
  const forged = await ask("/", `Cookie: srv=${two.address}\r\n`);
  expect(cookieOf(forged)).toMatch(/^srv=[\w-]{22}$/);
  // Its server is gone: it gets another one, and is told.
  await two[Symbol.asyncDispose]();
  const moved = await ask("/", `Cookie: ${cookie}\r\n`);
  expect(bodyOf(moved)).toBe("one");
  expect(cookieOf(moved)).not.toBe(cookie);
  expect(cookieOf(moved)).toBeDefined();
});

test("no server gets more at once than it may, over all threads; the rest waits in order", async () => {
  await using server = await startBackend("");
  const limited = { address: server.address, weight: 1, backup: false, maxInFlight: 2 };
  const name = await use({ servers: [limited], queueLimit: 4, queueTimeoutMs: 8_000 });
  const answers: Promise<string>[] = [];
  for (let n = 1; n <= 6; n += 1) {
    answers.push(ask(`/${n}`));
    await eventually(`request ${n}`, () =>
      n <= 2 ? server.pending.length === n : edge.metrics()?.upstreams?.[name]?.queue === n - 2,
    );
  }
  expect(await ask("/7")).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 1\r\n/);
  expect(server.pending).toHaveLength(2);
  for (let n = 1; n <= 6; n += 1) {
    const [next] = server.pending.splice(0, 1);
    next?.answer(`${n}`);
    await answers[n - 1];
    if (n <= 4) await eventually("the next", () => server.pending.length === 2);
  }
  const order = server.seen.map((text) => text.split(" ")[1]);
  expect(order).toEqual(["/1", "/2", "/3", "/4", "/5", "/6"]);
});

test("one that waits too long is told so, one that leaves frees its place", async () => {
  await using server = await startBackend("");
  const limited = { address: server.address, weight: 1, backup: false, maxInFlight: 1 };
  await use({ servers: [limited], queueTimeoutMs: 1_500 });
  const first = ask("/first");
  await eventually("the first", () => server.pending.length === 1);
  expect(await ask("/second")).toMatch(/^HTTP\/1\.1 503 /);
  const leaver = connect(edge.target);
  leaver.end("GET /leaves HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await once(leaver, "close");
  server.pending[0]?.answer();
  await first;
  const third = ask("/third");
  await eventually("the third", () => server.pending.length === 2);
  server.pending[1]?.answer("3");
  expect(bodyOf(await third)).toBe("3");
  expect(server.seen.join("")).not.toContain("/leaves");
});

test("who waits for an upstream that a new plan does not have is told, who is served is served", async () => {
  await using server = await startBackend("");
  const limited = { address: server.address, weight: 1, backup: false, maxInFlight: 1 };
  const name = await use({ servers: [limited] });
  const served = ask("/served");
  await eventually("the first", () => server.pending.length === 1);
  const waiting = ask("/waiting");
  await eventually("the second", () => edge.metrics()?.upstreams?.[name]?.queue === 1);
  await edge.configure({ routes: [] });
  expect(await waiting).toMatch(/^HTTP\/1\.1 503 /);
  server.pending[0]?.answer("done");
  expect(bodyOf(await served)).toBe("done");
});

test("a server that fails its check is left out until it is well again", async () => {
  await using one = await startBackend("one");
  await using two = await startBackend("two");
  const health = {
    path: "/ping",
    host: "localhost",
    intervalMs: 50,
    timeoutMs: 2_000,
    status: [200, 299] as const,
    contains: "pong",
    rise: 2,
    fall: 2,
  };
  const name = await use({ servers: [one.address, two.address], health });
  one.health = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
  await eventually("one to be down", () => stateOf(name, one.address) === "crashed");
  expect(countOf(await askMany(6), "two")).toBe(6);
  const metrics = await exchangeRaw({ path: join(edge.folder, "admin.sock") }, [
    "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  ]);
  const labels = `{upstream="${name}",server="${one.address}",state="crashed"}`;
  expect(metrics).toContain(`stack_upstream_server_ready${labels} 0\n`);
  one.health = ok("pong");
  await eventually("one to be up", () => stateOf(name, one.address) === "ready");
  expect(new Set(await askMany(8))).toEqual(new Set(["one", "two"]));
  two.health = ok("something else");
  await eventually("two to be down", () => stateOf(name, two.address) === "crashed");
  one.health = ok("something else");
  await eventually("both to be down", () => stateOf(name, one.address) === "crashed");
  // Checks that find all of them down are not believed.
  expect(new Set(await askMany(8))).toEqual(new Set(["one", "two"]));
  expect(edge.output()).toContain(`upstream ${name}: ${one.address} is down: status 503`);
});

test("a server that cannot be reached costs no request, of any method, and is left alone for a while", async () => {
  await using one = await startBackend("one");
  const dead = `127.0.0.1:${await freePort()}`;
  const name = await use({
    servers: [dead, one.address],
    eject: { failures: 2, timeMs: 60_000, maxTimeMs: 60_000 },
  });
  for (let n = 0; n < 12; n += 1) {
    expect(bodyOf(await ask("/", "Content-Length: 0\r\n", "POST"))).toBe("one");
  }
  await eventually("it to be ejected", () => stateOf(name, dead) === "degraded");
  const failures = (): number | undefined =>
    edge.metrics()?.upstreams?.[name]?.servers.find(({ address }) => address === dead)?.failures;
  const before = failures();
  await askMany(6);
  await eventually("a newer count", () => one.seen.length >= 18);
  expect(failures()).toBe(before);
});

test("when most servers look dead all of them are asked", async () => {
  await using one = await startBackend("one");
  const ports = [await freePort(), await freePort()];
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const eject = { failures: 1, timeMs: 60_000, maxTimeMs: 60_000 };
  const name = await use({ servers: [...addresses, one.address], eject });
  await eventually("both to be ejected", async () => {
    await ask();
    return addresses.every((address) => stateOf(name, address) === "degraded");
  });
  await using back = await startBackend("back", ports[0]);
  expect(new Set(await askMany(9))).toContain("back");
  expect(back.seen.length).toBeGreaterThan(0);
});

test("what was lost is repeated within the budget, on another server, and never what may act", async () => {
  await using one = await startBackend("one");
  await using two = await startBackend("two");
  await use({
    servers: [one.address, two.address],
    retries: { share: 0, perSecond: 0 },
    eject: null,
  });
  expect(await ask("/cut")).toMatch(/^HTTP\/1\.1 502 /);
  expect(one.seen.length + two.seen.length).toBe(1);
  await use({ servers: [one.address, two.address], eject: null });
  expect(await ask("/cut")).toMatch(/^HTTP\/1\.1 502 /);
  expect([one.seen.length + two.seen.length, one.seen.length > 0, two.seen.length > 0]).toEqual([
    3,
    true,
    true,
  ]);
});

test("the other servers get what a backup got while they were away", async () => {
  const port = await freePort();
  await using spare = await startBackend("spare");
  const server = { weight: 1, maxInFlight: null };
  await use({
    servers: [
      { ...server, address: `127.0.0.1:${port}`, backup: false },
      { ...server, address: spare.address, backup: true },
    ],
    eject: { failures: 1, timeMs: 100, maxTimeMs: 100 },
  });
  expect(await askMany(4)).toEqual(["spare", "spare", "spare", "spare"]);
  await using main = await startBackend("main", port);
  await eventually("the main server", async () => bodyOf(await ask()) === "main");
  expect(main.seen.length).toBeGreaterThan(0);
});

test("a new plan keeps the connections to servers that stay", async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.on("error", () => {});
    socket.on("data", () => socket.write(ok("kept")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const plan = {
    routes: [route("/*", { kind: "upstream", upstream: "stays" })],
    upstreams: { stays: { servers: [address] } },
  };
  await edge.configure(plan);
  await askMany(8);
  const before = connections;
  await edge.configure(plan);
  await askMany(8);
  expect(before).toBeLessThanOrEqual(2);
  expect(connections).toBeLessThanOrEqual(2);
  await edge.configure({ routes: [] });
  await new Promise((resolve) => server.close(resolve));
});
