/**
 * Least privilege, for real: the stack is root's, its apps are other users'. Needs root, as the packages
 * for the other tests do.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveStatePaths } from "@stack/control";
import { eventually } from "@stack/testkit";
import { expect, test } from "vitest";
import { createProject, type Project } from "./support/stack.ts";

const python = (id: string): string => `import json
import os
import sys

AT_IMPORT = os.getuid()


def application(environ, start_response):
    with open("written-by-${id}", "w") as file:
        file.write("x")
    body = json.dumps({
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(), "atImport": AT_IMPORT,
        "home": os.environ.get("HOME"), "user": os.environ.get("USER"), "cwd": os.getcwd(),
        "secret": os.environ.get("SECRET"), "over": os.environ.get("OVER"), "path": sys.path[:2],
        "mode": oct(os.stat("written-by-${id}").st_mode & 0o777),
    }).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
`;
const node = `import { writeFileSync } from "node:fs";
writeFileSync("made", "x");
export default (request, response) => {
  response.end(JSON.stringify({ uid: process.getuid(), gid: process.getgid(), groups: process.getgroups() }));
};
`;
const command = `import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`;

const config = (port: number): string => `{
  name: "users",
  redis: false,
  edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [
    { path: "/node/*", app: "node" }, { path: "/command/*", app: "command" }, { path: "/*", app: "web" },
  ] },
  apps: {
    web: { kind: "wsgi", cwd: "web", app: "web:application", python: "/usr/bin/python3", workers: 2,
           user: "nobody", umask: "027", envFile: ["web.env", "more.env"], env: { OVER: "config" },
           pythonPath: ["lib"], hooks: "hooks.py", release: ["id -u > released"], health: "/" },
    node: { kind: "node", cwd: "node", entry: "server.mjs", workers: 1, user: "www-data", umask: "077" },
    command: { kind: "command", cwd: "command", command: ["/usr/bin/python3", "server.py"],
               user: "daemon", group: "nogroup" },
  },
  programs: {
    jobs: { command: ["sh", "-c", "echo $(id -u):$(id -g):$(id -G):$USER; exec sleep 600"], user: "nobody", group: "daemon" },
  },
}`;

const ids = (file: string, name: string): number =>
  Number(
    readFileSync(file, "utf8")
      .split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":")[2],
  );
const uid = (name: string): number => ids("/etc/passwd", name);
const gid = (name: string): number => ids("/etc/group", name);

async function createUsers(): Promise<Project> {
  const project = await createProject(config, {
    "web/web.py": python("web"),
    "web/hooks.py": "import os\ndef on_boot():\n    open('booted', 'w').write(str(os.getuid()))\n",
    "web.env": "SECRET='from a file'\nOVER=file\n",
    "more.env": "SECRET=later # wins\n",
    "lib/x.py": "",
    "node/server.mjs": node,
    "command/server.py": command,
  });
  chmodSync(project.folder, 0o755);
  for (const [folder, owner] of [
    ["web", "nobody"],
    ["node", "www-data"],
    ["command", "daemon"],
  ] as const) {
    mkdirSync(join(project.folder, folder), { recursive: true });
    chownSync(join(project.folder, folder), uid(owner), 0);
  }
  return project;
}

async function ask(project: Project, path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://127.0.0.1:${project.port}${path}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

test("apps and programs run as who they are said to be, before a line of theirs has run, and the edge reaches them", async () => {
  expect(process.getuid?.()).toBe(0);
  await using project = await createUsers();
  await project.up();

  const nobody = { uid: uid("nobody"), gid: gid("nogroup"), groups: [] };
  const web = await ask(project, "/");
  expect(web).toMatchObject({ ...nobody, atImport: nobody.uid, user: "nobody", mode: "0o640" });
  expect(web).toMatchObject({ home: "/nonexistent", secret: "later", over: "config" });
  expect(web["path"]).toEqual([join(project.folder, "web"), join(project.folder, "lib")]);
  const [data, server] = [await ask(project, "/node/"), await ask(project, "/command/")];
  expect(data).toMatchObject({ uid: uid("www-data"), gid: gid("www-data") });
  expect(server).toEqual({ uid: uid("daemon"), gid: gid("nogroup"), groups: [] });
  expect(lstatSync(join(project.folder, "node", "made")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(project.folder, "web", "released"), "utf8")).toBe(`${nobody.uid}\n`);

  expect(readFileSync(join(project.folder, "web", "booted"), "utf8")).toBe(String(nobody.uid));

  await eventually("the line of the program", async () => {
    const { stdout } = await project.stack("logs", "jobs");
    return stdout.includes(`${nobody.uid}:${gid("daemon")}:${gid("daemon")}:nobody`);
  });

  const { run, control } = resolveStatePaths(join(project.folder, "deploy.config.ts"));
  expect(run).toMatch(/^\/run\/stack\/[\w.-]+\/run$/);
  expect(lstatSync(control)).toMatchObject({ uid: 0, mode: expect.any(Number) });
  expect(lstatSync(control).mode & 0o777).toBe(0o600);
  const folder = lstatSync(join(run, "web"));
  expect([folder.uid, folder.gid, folder.mode & 0o7777]).toEqual([nobody.uid, 0, 0o2710]);
  const sockets = readdirSync(join(run, "web")).filter((name) => name.endsWith(".sock"));
  expect(sockets).toHaveLength(2);
  for (const name of sockets) {
    const socket = lstatSync(join(run, "web", name));
    expect([socket.uid, socket.gid, socket.mode & 0o777]).toEqual([nobody.uid, 0, 0o660]);
  }
  const arbiters = lstatSync(join(run, "@arbiters"));
  expect([arbiters.uid, arbiters.mode & 0o777]).toEqual([0, 0o711]);

  await project.stack("down");
  expect(project.leftovers()).toEqual([]);
}, 240_000);

test("files of variables are read at every reload; a mistake in one keeps the old and names its line", async () => {
  await using project = await createUsers();
  await project.up();

  project.write("more.env", "SECRET=changed\n");
  expect(await project.stack("reload", "web")).toMatchObject({ code: 0 });
  expect(await ask(project, "/")).toMatchObject({ secret: "changed" });

  project.write("more.env", "\nSECRET='open\n");
  const broken = await project.stack("reload", "web");
  expect(broken.code).toBe(4);
  expect(broken.stderr).toMatch(/E2105[\s\S]*more\.env:2: the quote of SECRET is not closed/);
  expect(await ask(project, "/")).toMatchObject({ secret: "changed" });
}, 240_000);
