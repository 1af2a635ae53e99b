/**
 * The edge of a stack that root has started is not root's: it is who `edge.user` says, with nothing of
 * root's left, and does all it did. Needs root, as the packages for the other tests do.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
} from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { resolveStatePaths, type StatePaths, type StatusData } from "@stack/control";
import { eventually, freePort, isAlive } from "@stack/testkit";
import { expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createProject, type Project } from "./support/stack.ts";

const python = `kind: "wsgi", app: "web:application", python: "/usr/bin/python3"`;

const idOf = (file: string, name: string): number =>
  Number(
    readFileSync(file, "utf8")
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":")[2],
  );
const uid = idOf("/etc/passwd", "www-data");
const gid = idOf("/etc/group", "www-data");

/** What the kernel says of each of a process's threads. */
function rightsOf(pid: number): readonly Readonly<Record<string, string>>[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const text = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    const fields = text.split("\n").map((line) => line.split(":\t"));
    return Object.fromEntries(fields.map(([name = "", value = ""]) => [name, value.trim()]));
  });
}

function expectDropped(pid: number): void {
  const none = "0000000000000000";
  for (const thread of rightsOf(pid)) {
    expect(thread).toMatchObject({
      Uid: [uid, uid, uid, uid].join("\t"),
      Gid: [gid, gid, gid, gid].join("\t"),
      Groups: "",
      CapPrm: none,
      CapEff: none,
      CapAmb: none,
    });
  }
}

function pidOf(status: StatusData, kind: string): number {
  const found = status.processes.find((one) => one.kind === kind && one.state === "ready");
  if (found?.pid == null) throw new Error(`no ${kind} is ready`);
  return found.pid;
}

function pathsOf(project: Project): StatePaths {
  return resolveStatePaths(join(project.folder, "deploy.config.ts"));
}

/** Owner, group and mode. */
function facts(path: string): readonly number[] {
  const found = lstatSync(path);
  return [found.uid, found.gid, found.mode & 0o7777];
}

async function get(project: Project, path: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${project.port}${path}`)).text();
}

/** A folder below /tmp is its maker's alone: what root's edge may read, another's may not. */
async function createOpenProject(
  ...parameters: Parameters<typeof createProject>
): Promise<Project> {
  const project = await createProject(...parameters);
  chmodSync(project.folder, 0o755);
  return project;
}

test("the edge is its user with nothing of root's left, and serves, reloads and ends as ever", async () => {
  expect(process.getuid?.()).toBe(0);
  await using project = await createOpenProject(
    (port) => `{
      name: "dropped", redis: false,
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 2, routes: [
        { path: "/files/*", static: { root: "public" } },
        { path: "/*", app: "web" },
      ] },
      apps: { web: { ${python}, workers: 2 } },
    }`,
    { "web.py": wsgiApp("one"), "public/a.txt": "a file" },
  );

  const before = pidOf(await project.up(), "edge");
  expectDropped(before);
  expect(await get(project, "/")).toBe("one");
  expect(await get(project, "/files/a.txt")).toBe("a file");
  expect(rightsOf(pidOf(await project.status(), "keeper"))[0]).toMatchObject({
    Uid: "0\t0\t0\t0",
  });

  const { edge, edgeControl, run, state } = pathsOf(project);
  expect(facts(state)).toEqual([0, gid, 0o710]);
  expect(facts(edge)).toEqual([uid, gid, 0o700]);
  expect(facts(edgeControl)).toEqual([uid, gid, 0o600]);
  expect(facts(join(run, "web"))).toEqual([0, gid, 0o2710]);
  for (const name of readdirSync(join(run, "web")).filter((file) => file.endsWith(".sock"))) {
    expect(facts(join(run, "web", name))).toEqual([0, gid, 0o660]);
  }

  project.write("web.py", wsgiApp("two"));
  expect(await project.stack("reload")).toMatchObject({ code: 0 });
  expect(await get(project, "/")).toBe("two");
  expect(await project.stack("restart", "edge")).toMatchObject({ code: 0 });
  const after = pidOf(await project.status(), "edge");
  expect(after).not.toBe(before);
  expectDropped(after);
  expect(await get(project, "/")).toBe("two");
  await eventually("its metrics", async () => (await project.stack("metrics")).code === 0);

  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(project.leftovers()).toEqual([]);
}, 240_000);

const deletedSpill = (pid: number): boolean =>
  readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return /spill-.*\(deleted\)$/.test(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false; // closed meanwhile
    }
  });

test("what an earlier run left as root becomes its user's: cache, log, spilled bodies; edge and stackd may be killed", async () => {
  const config =
    (user: string) =>
    (port: number): string =>
      `{
      name: "kept", redis: false, cache: { memory: "4mb", store: "embedded" },
      edge: { ${user} listen: ["127.0.0.1:${port}"], threads: 2,
        limits: { bufferBytes: "64kb", spillBytes: "100mb", bodyBytes: "100mb" },
        accessLog: { file: "access.log", format: "{path}" },
        routes: [
          { path: "/kept/*", app: "web", cache: { mode: "force", ttl: "1h" } },
          { path: "/*", app: "web" },
        ] },
      apps: { web: { ${python}, workers: 1 } },
    }`;
  await using project = await createOpenProject(config(""), { "web.py": wsgiApp("one") });
  await project.up();
  expect(await get(project, "/kept/1")).toBe("one");
  const { logs, state } = pathsOf(project);
  const cacheFile = join(state, "cache");
  await eventually("the log", () => readFileSync(join(logs, "access.log"), "utf8") !== "");
  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(facts(cacheFile).slice(0, 2)).toEqual([0, 0]);

  const text = readFileSync(join(project.folder, "deploy.config.ts"), "utf8");
  project.write("deploy.config.ts", text.replace("edge: {", 'edge: { user: "www-data",'));
  project.write("web.py", wsgiApp("two"));
  const edge = pidOf(await project.up(), "edge");
  expect(facts(cacheFile).slice(0, 2)).toEqual([uid, gid]);
  for (const name of readdirSync(cacheFile)) {
    expect(facts(join(cacheFile, name)).slice(0, 2)).toEqual([uid, gid]);
  }
  expect(await get(project, "/kept/1")).toBe("one"); // of the run before

  const body = Buffer.alloc(8 * 1024 * 1024, "b");
  const socket = connectPlain(project.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(
    `PUT /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  socket.write(body.subarray(1));
  await eventually("the body on disk", () => deletedSpill(edge));
  expect(facts(join(state, "tmp"))).toEqual([uid, gid, 0o700]);
  let answer = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    answer += piece;
  });
  socket.end(body.subarray(0, 1));
  await once(socket, "close");
  expect(answer).toContain(`${body.length} ${createHash("sha256").update(body).digest("hex")}`);

  // As `logrotate` does it: only root may make files there.
  const log = join(logs, "access.log");
  expect(facts(logs)).toEqual([0, gid, 0o710]);
  renameSync(log, `${log}.old`);
  let asked = 0;
  await eventually("a new log", async () => {
    asked += 1;
    await get(project, "/counted");
    return existsSync(log) && readFileSync(log, "utf8").includes("/counted");
  });
  expect(facts(log)).toEqual([uid, gid, 0o640]);
  await eventually("every line in one of the two", () => {
    const lines = readFileSync(`${log}.old`, "utf8") + readFileSync(log, "utf8");
    return lines.split("\n").filter((line) => line === "/counted").length === asked;
  });

  process.kill(edge, "SIGKILL");
  const next = await eventually("another edge", async () => {
    const status = await project.status();
    const found = status.processes.find((one) => one.kind === "edge" && one.state === "ready");
    return found?.pid != null && found.pid !== edge ? found.pid : undefined;
  });
  expectDropped(next);
  expect(await get(project, "/")).toBe("two");
  const stackd = pidOf(await project.status(), "stackd");
  process.kill(stackd, "SIGKILL");
  await eventually("another stackd that knows its edge", async () => {
    const { stdout, code } = await project.stack("status", "--json");
    if (code !== 0) return false;
    const { data } = JSON.parse(stdout) as { readonly data: StatusData };
    const now = data.processes.find((one) => one.kind === "stackd");
    return now?.pid !== stackd && pidOf(data, "edge") === next;
  });
  expect(await project.stack("cache", "purge", "--all")).toMatchObject({ code: 0 });
  await eventually("the purged page anew", async () => (await get(project, "/kept/1")) === "two");
  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(project.leftovers()).toEqual([]);
}, 240_000);

test("a log is begun anew by size in a folder that is not the edge's", async () => {
  await using project = await createOpenProject(
    (port) => `{
      redis: false,
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 1,
        accessLog: { format: "{path}{query}", rotate: { size: "2kb", keep: 2 } },
        routes: [{ path: "/*", respond: { body: "ok" } }] },
    }`,
  );
  await project.up();
  const log = join(pathsOf(project).logs, "access.log");
  await eventually("the third file", async () => {
    for (let round = 0; round < 20; round += 1) await get(project, `/?${"x".repeat(200)}`);
    return existsSync(`${log}.2`);
  });
  await eventually("lines in the newest", async () => {
    await get(project, "/last");
    return existsSync(log) && readFileSync(log, "utf8").includes("/last");
  });
  // It may be moved at any moment.
  await eventually("the newest to be its user's", () => facts(log).join() === `${uid},${gid},416`);
  expect(existsSync(`${log}.3`)).toBe(false);
}, 240_000);

function makePair(folder: string, name: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-subj", `/CN=${name}`, "-days", "2"],
      ...["-out", join(folder, "new.crt"), "-keyout", join(folder, "new.key")],
    ],
    { stdio: "ignore" },
  );
  for (const end of ["crt", "key"]) {
    chmodSync(join(folder, `new.${end}`), 0o600);
    renameSync(join(folder, `new.${end}`), join(folder, `site.${end}`));
  }
}

async function nameOn(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return String(CN);
}

test("keys that only root reads are passed on, and their replacement is seen; one made for development is its user's", async () => {
  const second = await freePort();
  await using project = await createOpenProject(
    (port) => `{
      redis: false,
      edge: { user: "www-data", threads: 2,
        listen: [
          { address: "127.0.0.1:${port}", tls: { cert: "keys/site.crt", key: "keys/site.key" } },
          { address: "127.0.0.1:${second}", tls: "self-signed" },
        ],
        routes: [{ path: "/*", respond: { body: "ok" } }] },
    }`,
  );
  const keys = join(project.folder, "keys");
  makePair(keys, "before.test");
  await project.up();
  expect(facts(keys)).toEqual([0, 0, 0o700]);
  expect(await nameOn(project.port)).toBe("before.test");
  expect(await nameOn(second)).toBe("localhost");
  expect(facts(join(pathsOf(project).state, "tls", "self-signed.key"))).toEqual([uid, gid, 0o600]);

  makePair(keys, "after.test");
  await eventually(
    "the new certificate",
    async () => (await nameOn(project.port)) === "after.test",
  );

  const { state } = pathsOf(project);
  const [, secret = ""] = readFileSync(join(keys, "site.key"), "utf8").split("\n");
  for (const entry of readdirSync(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    expect(readFileSync(join(entry.parentPath, entry.name), "latin1")).not.toContain(secret);
  }
  process.kill(pidOf(await project.status(), "edge"), "SIGKILL");
  await eventually("the new edge", async () => {
    const name = await nameOn(project.port).catch(() => "");
    return name === "after.test";
  });
  expect(await project.stack("reload", "edge")).toMatchObject({ code: 0 });
  expect(await nameOn(project.port)).toBe("after.test");
  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(project.leftovers()).toEqual([]);
}, 240_000);

const redisApp = `import os, socket

def application(environ, start_response):
    client = socket.socket(socket.AF_UNIX)
    client.connect(os.environ["REDIS_URL"].removeprefix("unix://"))
    client.sendall(b"PING\\r\\n")
    body = client.recv(100)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]
`;

test("a managed redis is who the edge is, and both the edge and the apps reach it", async () => {
  await using project = await createOpenProject(
    (port) => `{
      redis: "managed", cache: { store: "redis" },
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 1,
        routes: [{ path: "/kept", app: "web", cache: { mode: "force", ttl: "1h" } }, { path: "/*", app: "web" }] },
      apps: { web: { ${python}, workers: 1 } },
    }`,
    { "web.py": redisApp },
  );
  const redis = pidOf(await project.up(), "redis");
  expectDropped(redis);
  expect(await get(project, "/")).toBe("+PONG\r\n");
  await eventually("the shared cache", async () => {
    await get(project, "/kept");
    const { stdout } = await project.stack("cache", "stats", "--json");
    const { data } = JSON.parse(stdout) as {
      readonly data: { readonly store: { readonly name: string; readonly available: boolean } };
    };
    return data.store.name === "redis" && data.store.available;
  });
  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(isAlive(redis)).toBe(false);
  expect(project.leftovers()).toEqual([]);
}, 240_000);

const socketServer = `import http.server, os, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def address_string(self):
        return "unix"
    def do_GET(self):
        body = str(os.getuid()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

socketserver.ThreadingUnixStreamServer(sys.argv[1], Handler).serve_forever()
`;

test("apps of other users are reached, by sockets that nobody else can use; so does a smoke test", async () => {
  await using project = await createOpenProject(
    (port) => `{
      redis: false,
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 2, routes: [
        { path: "/node", app: "node" }, { path: "/command", app: "command" }, { path: "/*", app: "web" },
      ] },
      apps: {
        web: { ${python}, workers: 1, user: "nobody" },
        node: { kind: "node", entry: "server.mjs", workers: 1, user: "daemon" },
        command: { kind: "command", command: ["/usr/bin/python3", "server.py", "{socket}"], user: "nobody" },
      },
      smoke: [{ get: "/command", expect: { status: 200 } }, { get: "/", expect: { contains: "one" } }],
    }`,
    {
      "web.py": wsgiApp("one"),
      "server.mjs":
        "export default (request, response) => response.end(String(process.getuid()));\n",
      "server.py": socketServer,
    },
  );
  await project.up();
  const nobody = idOf("/etc/passwd", "nobody");
  const daemon = idOf("/etc/passwd", "daemon");
  expect(await get(project, "/")).toBe("one");
  expect(await get(project, "/node")).toBe(String(daemon));
  expect(await get(project, "/command")).toBe(String(nobody));
  const { run } = pathsOf(project);
  for (const [app, owner] of [
    ["web", nobody],
    ["node", daemon],
    ["command", nobody],
  ] as const) {
    expect(facts(join(run, app))).toEqual([owner, gid, 0o2710]);
    for (const name of readdirSync(join(run, app)).filter((file) => file.endsWith(".sock"))) {
      expect(facts(join(run, app, name))).toEqual([owner, gid, 0o660]);
    }
  }
  expect(await project.stack("smoke")).toMatchObject({ code: 0 });
}, 240_000);

test("the fall-back edge is that user as well", async () => {
  await using project = await createOpenProject(
    (port) => `{
      redis: false,
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 1,
        routes: [{ path: "/*", respond: { body: "ok" } }] },
    }`,
  );
  const status = await project.up();
  const stackd = pidOf(status, "stackd");
  process.kill(stackd, "SIGSTOP"); // nobody starts another
  process.kill(pidOf(status, "edge"), "SIGKILL");
  const fallback = await eventually("the fall-back edge", () => {
    const text = readFileSync(join(pathsOf(project).state, "processes.json"), "utf8");
    const records = JSON.parse(text) as readonly { readonly name: string; readonly pid: number }[];
    return records.find((record) => record.name === "fallback-edge")?.pid;
  });
  expectDropped(fallback);
  await eventually("its answer", async () => {
    const answer = await fetch(`http://127.0.0.1:${project.port}/`).catch(() => undefined);
    return answer?.status === 503;
  });
  process.kill(stackd, "SIGCONT");
  await eventually("an edge again", async () => {
    const answer = await fetch(`http://127.0.0.1:${project.port}/`).catch(() => undefined);
    return answer?.status === 200;
  });
}, 240_000);

test("what the user cannot reach is said with what is in the way, and who it is does not change in a reload", async () => {
  await using project = await createProject(
    (port) => `{
      redis: false,
      edge: { user: "www-data", listen: ["127.0.0.1:${port}"], threads: 1,
        routes: [{ path: "/*", static: { root: "public" } }] },
    }`,
    { "public/index.html": "hello" },
  );
  const shut = await project.stack("up", "-d");
  expect(shut.code).toBe(4);
  expect(shut.stderr).toMatch(/"www-data", cannot reach .*E2406[\s\S]*chmod o\+x/);
  expect(shut.stderr).toMatch(/deploy\.config\.ts:\d+/);
  expect(project.leftovers()).toEqual([]);

  chmodSync(project.folder, 0o711);
  chmodSync(join(project.folder, "public"), 0o700);
  const checked = await project.stack("check");
  expect(checked.code).toBe(4);
  expect(checked.stderr).toMatch(/E2406[\s\S]*public is closed to it \(mode 0700, root's\)/);
  chownSync(join(project.folder, "public"), uid, gid);
  expect(await project.stack("check")).toMatchObject({ code: 0 });

  await project.up();
  expect(await get(project, "/")).toBe("hello");
  const text = readFileSync(join(project.folder, "deploy.config.ts"), "utf8");
  project.write("deploy.config.ts", text.replace('"www-data"', '"nobody"'));
  const refused = await project.stack("reload");
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/E3009[\s\S]*stack down && stack up -d/);
  expect(await get(project, "/")).toBe("hello");
  project.write("deploy.config.ts", text.replace('user: "www-data",', ""));
  const bare = await project.stack("check");
  expect(bare).toMatchObject({ code: 0 });
  expect(bare.stdout).toMatch(/! edge +runs as root/);
}, 240_000);
