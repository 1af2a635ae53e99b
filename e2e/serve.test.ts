/** `stack serve` as its users see it: alone, and behind a real nginx in each of its four ways. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { exchangeRaw, freePort, processesMentioning, startLoad } from "@stack/testkit";
import { describe, expect, test } from "vitest";
import { wsgiApp } from "./support/apps.ts";
import { createWorkplace } from "./support/served.ts";

const flask = `import hashlib
from flask import Flask, Response, jsonify, redirect, request, session, url_for

def create_app():
    app = Flask(__name__)
    app.secret_key = "test"

    @app.route("/hello/<name>")
    def hello(name):
        return jsonify(name=name, args=request.args, root=request.script_root, url=request.url,
            client=request.remote_addr, scheme=request.scheme)

    @app.route("/upload", methods=["POST"])
    def upload():
        digest, size = hashlib.sha256(), 0
        for piece in iter(lambda: request.stream.read(65536), b""):
            digest.update(piece)
            size += len(piece)
        return jsonify(size=size, digest=digest.hexdigest())

    @app.route("/form", methods=["POST"])
    def form():
        session["seen"] = request.form["word"]
        return redirect(url_for("hello", name=request.form["word"]))

    @app.route("/stream")
    def stream():
        return Response((f"{number}\\n" for number in range(20000)), mimetype="text/plain")

    @app.route("/file")
    def file():
        return Response(headers={"X-Accel-Redirect": "/protected/secret.txt"})

    return app
`;

const starlette = `from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

async def hello(request):
    return JSONResponse({"name": request.path_params["name"], "args": dict(request.query_params),
        "root": request.scope["root_path"], "url": str(request.url), "client": request.client.host,
        "scheme": request.url.scheme})

async def upload(request):
    import hashlib
    digest, size = hashlib.sha256(), 0
    async for piece in request.stream():
        digest.update(piece)
        size += len(piece)
    return JSONResponse({"size": size, "digest": digest.hexdigest()})

async def stream(request):
    async def lines():
        for number in range(20000):
            yield f"{number}\\n"
    return StreamingResponse(lines(), media_type="text/plain")

app = Starlette(routes=[Route("/hello/{name}", hello), Route("/upload", upload, methods=["POST"]),
    Route("/stream", stream)])
`;

const gitApp = `import os
import subprocess

def application(environ, start_response):
    env = {name: value for name, value in environ.items() if isinstance(value, str) and "." not in name}
    env.update(GIT_PROJECT_ROOT=os.path.abspath("repositories"), GIT_HTTP_EXPORT_ALL="1", REMOTE_USER="me",
        PATH=os.environ["PATH"])
    data = environ["wsgi.input"].read()
    env["CONTENT_LENGTH"] = str(len(data))
    done = subprocess.run(["git", "http-backend"], input=data, env=env, stdout=subprocess.PIPE)
    head, _, body = done.stdout.partition(b"\\r\\n\\r\\n")
    lines = [line.partition(": ")[::2] for line in head.decode("latin-1").split("\\r\\n")]
    status = [value for name, value in lines if name == "Status"] or ["200 OK"]
    start_response(status[0], [line for line in lines if line[0] != "Status"])
    return [body]
`;

const ways = ["http", "uwsgi", "fastcgi", "scgi"] as const;
const params = { http: "", uwsgi: "uwsgi_params", fastcgi: "fastcgi_params", scgi: "scgi_params" };

/** nginx on one path per way; the front's own mount is taken off where it can say so. */
function locations(folder: string): string {
  const proxied = `location /http/ {
      proxy_pass http://unix:${folder}/http.sock:/;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }`;
  const others = ways.slice(1).map(
    (way) => `location ~ ^/${way}(/.*)$ {
      include /etc/nginx/${params[way]};
      ${way}_param SCRIPT_NAME /${way};
      ${way}_param PATH_INFO $1;
      ${way}_pass ${way === "fastcgi" ? "kept" : `unix:${folder}/${way}.sock`};
      ${way === "fastcgi" ? "fastcgi_keep_conn on;" : ""}
    }`,
  );
  return `${proxied}
    ${others.join("\n")}
    location /protected/ { internal; root ${folder}; }`;
}

function binds(): readonly string[] {
  return ways.flatMap((way) => ["-b", `${way}://unix:${way}.sock`]);
}

/** An upstream block cannot stand in a server: it comes before. */
function withUpstream(folder: string, server: string): string {
  return `${server}
  }
  upstream kept { server unix:${folder}/fastcgi.sock; keepalive 8; }
  server {
    listen unix:${folder}/nginx/unused.sock;`;
}

describe.each([
  ["a Flask app from a factory", "shop:create_app()", "wsgi", { "shop.py": flask }],
  ["a Starlette app", "shop:app", "asgi", { "shop.py": starlette }],
] as const)("%s behind nginx", (_what, target, kind, files) => {
  test("answers the same in all four ways", async () => {
    await using place = createWorkplace({ ...files, "protected/secret.txt": "secret\n" });
    await place.serve(
      target,
      "--kind",
      kind,
      "-w",
      "2",
      "--python",
      "/usr/bin/python3",
      ...binds(),
    );
    const port = await place.nginx(withUpstream(place.folder, locations(place.folder)));
    const base = `http://127.0.0.1:${port}`;
    const body = Buffer.alloc(3_000_000, "0123456789abcdef");
    for (const way of ways) {
      const hello = await fetch(`${base}/${way}/hello/a%20b?x=1&y=%C3%A9`);
      const root = way === "http" ? "" : `/${way}`;
      expect({ way, status: hello.status, body: await hello.json() }).toEqual({
        way,
        status: 200,
        body: {
          name: "a b",
          args: { x: "1", y: "é" },
          root,
          // Debian's params say Host without its port.
          url: expect.stringMatching(`^http://127.0.0.1(?::${port})?${root}/hello/a(?:%20| )b\\?`),
          client: "127.0.0.1",
          scheme: "http",
        },
      });
      for (const duplex of [false, true]) {
        const pieces = new ReadableStream({
          start(controller) {
            for (let at = 0; at < body.length; at += 100_000) {
              controller.enqueue(body.subarray(at, at + 100_000));
            }
            controller.close();
          },
        });
        const upload = await fetch(`${base}/${way}/upload`, {
          method: "POST",
          body: duplex ? pieces : body,
          ...(duplex ? { duplex: "half" } : {}),
        } as RequestInit);
        expect({ way, duplex, ...((await upload.json()) as object) }).toMatchObject({
          way,
          size: body.length,
        });
      }
      const stream = await fetch(`${base}/${way}/stream`);
      expect((await stream.text()).split("\n")).toHaveLength(20_001);
      const head = await fetch(`${base}/${way}/hello/x`, { method: "HEAD" });
      expect([head.status, Number(head.headers.get("content-length")) > 0]).toEqual([200, true]);
      expect((await fetch(`${base}/${way}/nowhere`)).status).toBe(404);
      if (kind === "wsgi") {
        const form = await fetch(`${base}/${way}/form`, {
          method: "POST",
          body: new URLSearchParams({ word: "w" }),
          redirect: "manual",
        });
        expect([form.status, form.headers.get("location")]).toEqual([302, `${root}/hello/w`]);
        expect(form.headers.get("set-cookie")).toContain("session=");
        const secret = await fetch(`${base}/${way}/file`);
        expect([secret.status, await secret.text()]).toEqual([200, "secret\n"]);
      }
    }
  });
});

test("a reload behind nginx loses no request in any of the four ways", async () => {
  await using place = createWorkplace({ "web.py": wsgiApp("v1") });
  await place.serve("web", "-w", "2", "--python", "/usr/bin/python3", ...binds());
  const port = await place.nginx(withUpstream(place.folder, locations(place.folder)));
  const loads = ways.map((way) => startLoad({ port, path: `/${way}/`, connections: 2 }));
  await Promise.all(loads.map((load) => load.more(100)));

  place.write("web.py", wsgiApp("v2"));
  const reload = await place.stack("reload");
  for (const load of loads) load.forgetBodies();
  await Promise.all(loads.map((load) => load.more(100)));
  const results = await Promise.all(loads.map((load) => load.stop()));

  expect(reload).toMatchObject({ code: 0 });
  expect(results.map(({ failures }) => failures)).toEqual(ways.map(() => []));
  expect(results.flatMap(({ bodies }) => [...bodies.keys()])).toEqual(ways.map(() => "v2"));
});

test("git pushes to and clones from its own CGI, wrapped in WSGI, in all four ways", async () => {
  await using place = createWorkplace({ "git_app.py": gitApp });
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.test", ...args], {
      cwd: place.folder,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", HOME: place.folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
  git("init", "-q", "--bare", "repositories/a.git");
  git("-C", "repositories/a.git", "config", "http.receivepack", "true");
  await place.serve("git_app", "-w", "2", "--python", "/usr/bin/python3", ...binds());
  const port = await place.nginx(withUpstream(place.folder, locations(place.folder)));
  git("init", "-q", "work");
  place.write("work/big.bin", randomBytes(1_500_000).toString("base64"));
  git("-C", "work", "add", ".");
  git("-C", "work", "commit", "-q", "-m", "all");
  for (const way of ways) {
    const url = `http://127.0.0.1:${port}/${way}/a.git`;
    git("-C", "work", "push", "-q", url, `HEAD:refs/heads/${way}`);
    git("clone", "-q", "-b", way, url, `clone-${way}`);
    const cloned = readFileSync(join(place.folder, `clone-${way}/big.bin`));
    expect(cloned.equals(readFileSync(join(place.folder, "work/big.bin")))).toBe(true);
  }
});

test("the other commands find what is served from here; Ctrl-C drains it", async () => {
  await using place = createWorkplace({ "shop/wsgi.py": wsgiApp("v1") });
  const port = await freePort();
  const address = ["-b", `127.0.0.1:${port}`, "-b", "unix:shop.sock", "--socket-mode", "600"];
  const served = await place.serve(
    "shop/wsgi.py",
    "-w",
    "1",
    "--python",
    "/usr/bin/python3",
    ...address,
  );
  const status = JSON.parse((await place.stack("status", "--json")).stdout) as {
    readonly data: {
      readonly stack: string;
      readonly apps: readonly { readonly desired: number }[];
    };
  };
  expect(status.data).toMatchObject({ stack: "shop", apps: [{ desired: 1 }] });
  expect(statSync(join(place.folder, "shop.sock")).mode & 0o777).toBe(0o600);
  const again = await place.stack("serve", "shop.wsgi", "-b", `127.0.0.1:${port + 1}`);
  expect(again.code).toBe(75);

  const slow = exchangeRaw(
    { port, host: "127.0.0.1" },
    ["GET /slow HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"],
    undefined,
    30_000,
  );
  await place.stack("status");
  served.signal("SIGINT");
  expect(await slow).toContain("\r\n\r\nslow");
  expect(await served.exited).toBe(0);
  expect(existsSync(join(place.folder, "shop.sock"))).toBe(false);
  expect(processesMentioning(place.folder)).toEqual([]);
});

describe("what cannot be served is told in the words of the command line", () => {
  test.for<[args: string, code: number, told: readonly string[]]>([
    ["nope:app", 5, ['there is no module "nope"', "Fix   -C …"]],
    ["web:nope", 5, ['has no name "nope"', "Fix   stack serve web:application …"]],
    ["web -w 0", 2, ["--workers", "0 is too small"]],
    ["web -b nowhere", 2, ["--bind nowhere", "is no address"]],
    ["web --protocol fcgi", 2, ["--protocol fcgi is not known"]],
    ["web -b unix:gone/web.sock", 4, ["--bind unix:gone/web.sock", "there is no folder"]],
    ["web --python gone/python", 4, ["--python", "gone/python"]],
    ["web --state web.py/x", 4, ["Cannot write to", "--state DIR"]],
  ])("stack serve %s", async ([args, code, told]) => {
    await using place = createWorkplace({ "web.py": wsgiApp("v1") });
    const port = await freePort();
    const usual = args.includes("-b ") ? [] : ["-b", `127.0.0.1:${port}`];
    const python = args.includes("--python") ? [] : ["--python", "/usr/bin/python3"];
    const result = await place.stack("serve", ...args.split(" "), ...usual, ...python);
    for (const words of told) expect(result.stderr).toContain(words);
    expect(result.code, result.stderr).toBe(code);
  });

  test("an address that somebody else has", async () => {
    await using place = createWorkplace({ "web.py": wsgiApp("v1") });
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    const result = await place.stack("serve", "web", "-b", `127.0.0.1:${port}`);
    server.close();
    expect(result.code).toBe(4);
    expect(result.stderr).toContain(`--bind 127.0.0.1:${port}`);
    expect(result.stderr).toContain("another --bind");
  });
});
