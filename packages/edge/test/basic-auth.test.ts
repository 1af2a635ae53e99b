/** Names and passwords of files that the real `htpasswd` wrote, asked for by a real edge. */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { join } from "node:path";
import type { RoutePlan } from "@stack/config";
import { eventually, exchangeRaw, tempFolder } from "@stack/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EdgeProcess, route, startEdge, unprotected } from "./edge-process.ts";
import { type Backend, startBackend, startSecureEdge, tell } from "./fixtures/secure.ts";

const folder = tempFolder();
const file = join(folder.path, "staff.htpasswd");
const slowFile = join(folder.path, "slow.htpasswd");
const gone = join(folder.path, "gone.htpasswd");
const logFile = join(folder.path, "access.log");
const users = [
  ["bcrypt", "-B", "s3cret"],
  ["apr1", "-m", "s3cret"],
  ["sha", "-s", "s3cret"],
  ["sha256", "-2", "s3cret"],
  ["sha512", "-5", "s3cret"],
  ["größe", "-m", "paßwort mit : Doppelpunkt"],
  ["größe-b", "-B", "paßwort mit : Doppelpunkt"],
  ["long", "-m", "x".repeat(200)],
  ["empty", "-m", ""],
] as const;

let backend: Backend;
let edge: EdgeProcess;
let secure: EdgeProcess;

beforeAll(async () => {
  for (const [index, [name, kind, password]] of users.entries()) {
    htpasswd(index === 0 ? `-c${kind.slice(1)}` : kind, file, name, password);
  }
  htpasswd("-d", file, "crypt", "s3cret");
  writeFileSync(slowFile, "");
  htpasswd("-C09", slowFile, "slow", "s3cret");
  backend = await startBackend(tell);
  const plan = {
    routes: [
      guarded("/staff/*", { kind: "upstream", upstream: "told" }, file),
      guarded("/fixed", { kind: "respond", status: 200, body: "in\n", type: "text/plain" }, file),
      guarded(
        "/slow",
        { kind: "respond", status: 200, body: "in\n", type: "text/plain" },
        slowFile,
      ),
      guarded("/gone", { kind: "respond", status: 200, body: "in\n", type: "text/plain" }, gone),
      route("/open", { kind: "respond", status: 200, body: "open\n", type: "text/plain" }),
    ],
    upstreams: { told: { servers: [backend.address] } },
  };
  edge = await startEdge({
    threads: 1,
    plan: { ...plan, accessLog: { file: logFile, format: "{client} {user} {path} {status}" } },
  });
  secure = await startSecureEdge({ plan });
}, 60_000);

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await secure[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, 60_000);

function htpasswd(option: string, path: string, name: string, password: string): void {
  const options = option.startsWith("-C") ? ["-b", "-B", "-C", option.slice(2)] : ["-b", option];
  execFileSync("htpasswd", [...options, path, name, password], { stdio: "ignore" });
}

function guarded(path: string, action: RoutePlan["action"], passwords: string): RoutePlan {
  const auth = { kind: "basic", file: passwords, realm: 'the "staff"' } as const;
  return { ...route(path, action), protection: { ...unprotected, auth } };
}

function authorization(name: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString("base64")}\r\n`;
}

function ask(path: string, fields = ""): Promise<string> {
  const head = `GET ${path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${fields}\r\n`;
  return exchangeRaw(edge.target, [head], undefined, 30_000);
}

test.for(users)(
  "%s, hashed with %s, gets in with its password and no other",
  async ([name, , password]) => {
    expect(await ask("/fixed", authorization(name, password))).toMatch(/^HTTP\/1\.1 200 .*in\n$/s);
    expect(await ask("/fixed", authorization(name, `${password}x`))).toMatch(/^HTTP\/1\.1 401 /);
    // And the same again, as it is remembered.
    expect(await ask("/fixed", authorization(name, password))).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask("/fixed", authorization(name, `${password}x`))).toMatch(/^HTTP\/1\.1 401 /);
  },
);

test.for([
  ["nothing", ""],
  ["a name that is not there", authorization("nobody", "s3cret")],
  ["a name in other letters", authorization("BCRYPT", "s3cret")],
  ["a hash that is not safe", authorization("crypt", "s3cret")],
  ["the hash itself", authorization("sha", "{SHA}hash")],
  ["two answers", authorization("bcrypt", "s3cret") + authorization("apr1", "s3cret")],
  ["another scheme", "Authorization: Bearer s3cret\r\n"],
  ["no base64", "Authorization: Basic bcrypt:s3cret\r\n"],
  ["a NUL after the password", authorization("bcrypt", "s3cret\0")],
] as const)("who says %s is asked", async ([, fields]) => {
  const answer = await ask("/staff/a", fields);
  expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
  expect(answer).toContain(
    '\r\nWWW-Authenticate: Basic realm="the \\"staff\\"", charset="UTF-8"\r\n',
  );
});

test("a body comes after the name was accepted, and the app may look at it too", async () => {
  const answer = await exchangeRaw(edge.target, [
    `POST /staff/echo HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n${authorization("apr1", "s3cret")}Content-Length: 5\r\n\r\nhello`,
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  expect(answer).toContain(authorization("apr1", "s3cret").slice(15, -2));
});

test("a pipelined request is not answered before the one that is being checked", async () => {
  const answers = await exchangeRaw(edge.target, [
    `GET /fixed HTTP/1.1\r\nHost: shop.test\r\n${authorization("sha512", "wrong once")}\r\n`,
    "GET /open HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
  ]);
  expect(answers).toMatch(/^HTTP\/1\.1 401 .*HTTP\/1\.1 200 .*open\n$/s);
});

test("the same holds over HTTP/2", async () => {
  const session = connectHttp2(`https://localhost:${secure.port}`, { rejectUnauthorized: false });
  const get = (name: string, password: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const [, value = ""] = /: (.*)\r\n/.exec(authorization(name, password)) ?? [];
      const stream = session.request({ ":path": "/fixed", authorization: value });
      stream.on("error", reject);
      stream.on("response", (fields) => resolve(Number(fields[":status"])));
      stream.resume();
    });
  const statuses = await Promise.all([
    get("bcrypt", "s3cret"),
    get("bcrypt", "wrong"),
    get("bcrypt", "s3cret"),
  ]);
  session.destroy();
  expect(statuses).toEqual([200, 401, 200]);
});

test("while slow passwords are checked everybody else is served, and what is too much is refused", async () => {
  const guesses = Array.from({ length: 200 }, (_, index) =>
    ask("/slow", authorization("slow", `guess ${index}`)),
  );
  expect(await ask("/open")).toMatch(/^HTTP\/1\.1 200 /);
  const answers = await Promise.all(guesses);
  const counts = { busy: 0, wrong: 0 };
  for (const answer of answers) {
    if (answer.startsWith("HTTP/1.1 401 ")) counts.wrong += 1;
    else if (/^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n/s.test(answer)) counts.busy += 1;
  }
  expect(counts.busy + counts.wrong).toBe(200);
  expect(counts.busy).toBeGreaterThan(0);
  expect(await ask("/slow", authorization("slow", "s3cret"))).toMatch(/^HTTP\/1\.1 200 /);
}, 60_000);

test("a changed file holds within about a second, a missing one keeps everybody out", async () => {
  const statusOf = async (name: string, password: string, path = "/fixed"): Promise<string> =>
    (await ask(path, authorization(name, password))).slice(9, 12);
  expect(await statusOf("late", "s3cret")).toBe("401");
  htpasswd("-B", file, "late", "s3cret");
  await eventually(
    "the new user to get in",
    async () => (await statusOf("late", "s3cret")) === "200",
  );
  htpasswd("-m", file, "late", "another");
  await eventually(
    "the old password to end",
    async () => (await statusOf("late", "s3cret")) === "401",
  );
  expect(await statusOf("late", "another")).toBe("200");
  execFileSync("htpasswd", ["-D", file, "late"], { stdio: "ignore" });
  await eventually(
    "the user to be gone",
    async () => (await statusOf("late", "another")) === "401",
  );

  expect(await statusOf("late", "s3cret", "/gone")).toBe("500");
  await eventually("the operator to be told", () =>
    edge.output().includes(`passwords in ${gone}, nobody gets in: ENOENT`),
  );
  execFileSync("mkfifo", [gone]);
  await eventually("a FIFO to be seen", async () => {
    expect(await statusOf("late", "s3cret", "/gone")).toBe("500");
    return edge.output().includes("it is no file of passwords");
  });
  rmSync(gone);
  writeFileSync(gone, "");
  htpasswd("-B", gone, "late", "s3cret");
  await eventually(
    "the file to be read",
    async () => (await statusOf("late", "s3cret", "/gone")) === "200",
  );
}, 60_000);

test("the operator is told of what lets nobody in, and the log has names and no passwords", async () => {
  await eventually("the warning", () =>
    edge
      .output()
      .includes(`passwords in ${file}: line ${users.length + 1} has no hash that is safe`),
  );
  await ask("/staff/logged", authorization("apr1", "s3cret"));
  await eventually("the line", () => readFileSync(logFile, "utf8").includes("/staff/logged"));
  const log = readFileSync(logFile, "utf8");
  expect(log).toContain("127.0.0.1 apr1 /staff/logged 200\n");
  expect(log).toContain("127.0.0.1 - /staff/a 401\n");
  expect(edge.output() + log).not.toContain("s3cret");
});
