/**
 * The demo apps by themselves, without stack: as plain WSGI (under wsgiref's validator) and as a
 * plain node:http handler. What stack makes of them is tested elsewhere.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually, freePort, tempFolder } from "@stack/testkit";
import { describe, expect, test } from "vitest";

const python = "/usr/bin/python3";
const guestbook = join(import.meta.dirname, "../apps/guestbook");

/** Every byte, line ends of all kinds, and what looks like the end of a form's part. */
const png = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256)),
  Buffer.from("\r\n\r\r\n\n--\r\n--boundary--\r\n", "latin1"),
]);

interface Server extends AsyncDisposable {
  readonly url: string;
}

/** Starts a server that prints its port as its first line. */
async function start(
  command: readonly [string, ...string[]],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const [file, ...args] = command;
  const child: ChildProcess = spawn(file, args, {
    cwd,
    env: { PATH: "/usr/bin:/bin", PYTHONDONTWRITEBYTECODE: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr?.on("data", (chunk) => {
    complaints += chunk;
  });
  const end = once(child, "exit");
  if (child.stdout === null) throw new Error("no stdout");
  const firstLine = once(createInterface(child.stdout), "line");
  const port = await Promise.race([firstLine.then(([line]) => line), end.then(() => undefined)]);
  if (port === undefined) throw new Error(`did not start: ${complaints}`);
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await end;
    },
  };
}

function startGuestbook(
  module: string,
  data: string,
  env: Readonly<Record<string, string>> = {},
  prelude = "",
): Promise<Server> {
  const script = `
import sys
${prelude}
from wsgiref.simple_server import make_server
from wsgiref.validate import validator
from ${module} import application
server = make_server("127.0.0.1", 0, validator(application))
print(server.server_port, flush=True)
server.serve_forever()
`;
  const identity = { STACK_INSTANCE: "2", STACK_WORKER: "guestbook-2.1" };
  return start([python, "-c", script], guestbook, { GUESTBOOK_DATA: data, ...identity, ...env });
}

function form(fields: Readonly<Record<string, string>>, avatar?: Buffer<ArrayBuffer>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  if (avatar !== undefined) data.set("avatar", new Blob([avatar]), "../../evil.php");
  return data;
}

function sign(server: Server, body: FormData | URLSearchParams): Promise<Response> {
  return fetch(`${server.url}/`, { method: "POST", body, redirect: "manual" });
}

const flask = spawnSync(python, ["-c", "import flask"]).status === 0 ? ["guestbook.flask_app"] : [];

describe.for([...flask, "guestbook.plain_app"])("%s", (module) => {
  test("names the instance, worker and pid that answered, on the page and as JSON", async () => {
    using folder = tempFolder();
    await using server = await startGuestbook(module, folder.path);

    const who = await (await fetch(`${server.url}/whoami`)).json();
    const page = await (await fetch(`${server.url}/`)).text();

    expect(who).toMatchObject({ app: "guestbook", instance: "2", worker: "guestbook-2.1" });
    const { pid } = who as { readonly pid: number };
    expect(page).toContain("instance <b>2</b>");
    expect(page).toContain("worker <b>guestbook-2.1</b>");
    expect(page).toContain(`pid <b>${pid}</b>`);
    expect(page).toContain("not counted: no Redis");
  });

  test("keeps a message and its picture, byte for byte, under a name of its own", async () => {
    using folder = tempFolder();
    await using server = await startGuestbook(module, folder.path);

    const answer = await sign(server, form({ name: "Ada", message: "<b>Hé</b> & 漢字" }, png));
    const page = await (await fetch(`${server.url}/`)).text();

    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"]);
    expect(page).toContain("&lt;b&gt;Hé&lt;/b&gt; &amp; 漢字");
    const files = readdirSync(join(folder.path, "media"));
    expect(files).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.png$/)]);
    expect(page).toContain(`src="/media/${files[0]}"`);
    expect(readFileSync(join(folder.path, "media", files[0] ?? "")).equals(png)).toBe(true);
  });

  test("reads a form without a file too", async () => {
    using folder = tempFolder();
    await using server = await startGuestbook(module, folder.path);

    const answer = await sign(server, new URLSearchParams({ name: "Grace", message: "a+b é" }));

    expect(answer.status).toBe(303);
    expect(await (await fetch(`${server.url}/`)).text()).toContain("a+b é");
  });

  test.for([
    [400, "a text as a picture", form({ name: "a", message: "b" }, Buffer.from("<svg onload=x>"))],
    [400, "a picture that is too large", form({ name: "a", message: "b" }, Buffer.alloc(524_289))],
    [400, "no name", form({ name: " ", message: "b" })],
    [400, "a name that is too long", form({ name: "a".repeat(61), message: "b" })],
  ] as const)("answers %i to %s and keeps nothing", async ([status, , body]) => {
    using folder = tempFolder();
    await using server = await startGuestbook(module, folder.path);

    const answer = await sign(server, body);

    expect(answer.status).toBe(status);
    expect(await answer.text()).toContain('role="alert"');
    expect(await (await fetch(`${server.url}/`)).text()).toContain("Be the first!");
    expect(readdirSync(folder.path, { recursive: true })).toEqual([]);
  });

  test("knows its other paths and methods", async () => {
    using folder = tempFolder();
    await using server = await startGuestbook(module, folder.path);
    const ask = async (path: string, method = "GET"): Promise<readonly [number, string]> => {
      const answer = await fetch(`${server.url}${path}`, { method });
      return [answer.status, await answer.text()];
    };

    expect(await ask("/healthz")).toEqual([200, "ok\n"]);
    expect(await ask("/slow?ms=1")).toEqual([200, "slept 1 ms\n"]);
    expect(await ask("/", "HEAD")).toEqual([200, ""]);
    expect((await ask("/nothing"))[0]).toBe(404);
    expect((await ask("/", "DELETE"))[0]).toBe(405);
  });
});

test("the plain app answers 413 to a body that is too large, after it has read it", async () => {
  using folder = tempFolder();
  await using server = await startGuestbook("guestbook.plain_app", folder.path);

  const answer = await sign(server, form({ name: "a", message: "b" }, Buffer.alloc(2_000_000)));

  expect(answer.status).toBe(413);
  expect(await answer.text()).toContain('role="alert"');
  expect(readdirSync(folder.path, { recursive: true })).toEqual([]);
});

test.for([
  ["the redis package", "tcp", ""],
  ["the redis package", "a Unix socket", ""],
  ["its own few lines of client", "tcp", "sys.modules['redis'] = None"],
  ["its own few lines of client", "a Unix socket", "sys.modules['redis'] = None"],
] as const)("visits are counted in Redis with %s, on %s", async ([, transport, prelude]) => {
  using folder = tempFolder();
  await using redis = await startRedis(folder.path);
  const address = transport === "tcp" ? `127.0.0.1:${redis.port}/1` : `${folder.path}/redis.sock`;
  const env = { REDIS_URL: `${transport === "tcp" ? "redis" : "unix"}://:secret@${address}` };
  await using server = await startGuestbook("guestbook.plain_app", folder.path, env, prelude);
  const visit = async (): Promise<string | undefined> => {
    const page = await (await fetch(`${server.url}/`)).text();
    return /visit no\. \d+|not counted/.exec(page)?.[0];
  };

  expect([await visit(), await visit()]).toEqual(["visit no. 1", "visit no. 2"]);

  await redis[Symbol.asyncDispose]();
  expect(await visit()).toBe("not counted");
});

test("messages of many processes at once are all kept, each whole", async () => {
  using folder = tempFolder();
  const script = `
from guestbook import messages
for number in range(100):
    messages.add("writer", "%d " % number + "x" * 1900)
    messages.latest()
`;
  const env = { GUESTBOOK_DATA: folder.path, PYTHONDONTWRITEBYTECODE: "1" };
  const writers = Array.from({ length: 4 }, () =>
    spawn(python, ["-c", script], { cwd: guestbook, env, stdio: "inherit" }),
  );
  const codes = await Promise.all(writers.map(async (writer) => (await once(writer, "exit"))[0]));

  expect(codes).toEqual([0, 0, 0, 0]);
  const lines = readFileSync(join(folder.path, "messages.jsonl"), "utf8").trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line).name)).toEqual(Array(400).fill("writer"));
});

test("the Node service answers JSON and a rendered page, and names its worker", async () => {
  const script = `
import { createServer } from "node:http";
import handle from ${JSON.stringify(join(import.meta.dirname, "../apps/api/server.mjs"))};
const server = createServer(handle);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;
  const command = [process.execPath, "--input-type=module", "-e", script] as const;
  await using server = await start(command, guestbook, { STACK_WORKER: "<api>" });
  const ask = async (path: string, method = "GET"): Promise<Response> =>
    fetch(`${server.url}${path}`, { method });

  expect(await (await ask("/whoami")).json()).toMatchObject({ app: "api", worker: "<api>" });
  expect(await (await ask("/machine")).json()).toHaveProperty("memory.freeBytes");
  const page = await ask("/page");
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).toContain("worker <b>&#60;api&#62;</b>");
  expect(await (await ask("/healthz")).text()).toBe("ok\n");
  expect((await ask("/__proto__")).status).toBe(404);
  expect((await ask("/", "POST")).status).toBe(405);
  expect(await (await ask("/page", "HEAD")).text()).toBe("");
});

async function startRedis(folder: string): Promise<AsyncDisposable & { readonly port: number }> {
  const port = await freePort();
  const options = ["--port", `${port}`, "--save", "", "--requirepass", "secret", "--dir", folder];
  options.push("--unixsocket", join(folder, "redis.sock"));
  const child = spawn("/usr/bin/redis-server", options, { stdio: "ignore" });
  const end = once(child, "exit");
  const isUp = (): boolean => {
    const ping = ["-p", `${port}`, "-a", "secret", "--no-auth-warning", "ping"];
    return execFileSync("/usr/bin/redis-cli", ping, { stdio: "pipe" }).toString() === "PONG\n";
  };
  await eventually("redis to answer", isUp);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await end;
    },
  };
}
