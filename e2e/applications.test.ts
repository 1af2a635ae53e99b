/** Applications that nobody here wrote, as Debian ships them, through their own clients. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createProject } from "./support/stack.ts";

const python = "/usr/bin/python3";

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { PATH: "/usr/bin:/bin", HGRCPATH: "/dev/null", HOME: cwd, LANG: "C.UTF-8" };
  const child = spawn(command, args, { cwd, env });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: exit ${code}\n${output}`);
  return output;
}

test("Mercurial's hgweb, a factory with arguments, takes a push of many megabytes below a prefix", async () => {
  await using project = await createProject(
    (port) => `{
      edge: {
        listen: ["127.0.0.1:${port}"],
        limits: { bodyBytes: "100mb" },
        routes: [{ path: "/hg/*", app: "hg", stripPrefix: true }],
      },
      apps: {
        hg: { kind: "wsgi", python: "${python}", workers: 2, app: "mercurial.hgweb:hgweb(b'hgweb.config', name=b'all')" },
      },
      redis: false,
    }`,
    {
      "hgweb.config": "[paths]\n/ = repos/*\n[web]\npush_ssl = false\nallow_push = *\n",
      "repos/.keep": "",
    },
  );
  const at = (...parts: readonly string[]) => join(project.folder, ...parts);
  const hg = (...args: readonly string[]) => run("hg", args, project.folder);
  const url = `http://127.0.0.1:${project.port}/hg/shop`;
  await hg("init", "repos/shop");
  expect((await project.stack("check")).code).toBe(0);
  await project.up();

  await hg("clone", url, "one");
  const content = randomBytes(8 * 2 ** 20);
  writeFileSync(at("one/large.bin"), content);
  await hg("-R", "one", "commit", "-A", "-u", "me", "-m", "large", at("one/large.bin"));
  await hg("-R", "one", "push");
  await hg("clone", url, "two");

  expect(readFileSync(at("two/large.bin")).equals(content)).toBe(true);
  const page = await (await fetch(`http://127.0.0.1:${project.port}/hg/`)).text();
  expect(page).toContain('href="/hg/shop');
});

test("Radicale answers the methods of WebDAV and CalDAV, its settings beside it on pythonPath", async () => {
  await using project = await createProject(
    (port) => `{
      edge: { listen: ["127.0.0.1:${port}"], routes: [{ path: "/dav/*", app: "dav", stripPrefix: true }] },
      apps: {
        dav: {
          kind: "wsgi", python: "${python}", workers: 2, pythonPath: ["site"], app: "site_dav:application",
          env: { RADICALE_CONFIG: "radicale.ini" }, release: ["python -c 'import site_dav'"],
        },
      },
      redis: false,
    }`,
    {
      "site/site_dav.py": "from radicale import application\n",
      "radicale.ini": "[auth]\ntype = none\n[storage]\nfilesystem_folder = collections\n",
    },
  );
  expect((await project.stack("check")).code).toBe(0);
  await project.up();
  const ask = async (method: string, path: string, body = "", headers = {}) => {
    const answer = await fetch(`http://127.0.0.1:${project.port}/dav${path}`, {
      ...{ method, redirect: "manual" as const },
      ...(body === "" ? {} : { body }),
      headers: { authorization: `Basic ${btoa("ada:x")}`, ...headers },
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  };
  const event = (title: string) =>
    `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:e1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:${title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`;

  expect((await ask("OPTIONS", "/")).headers.get("dav")).toContain("calendar-access");
  expect((await ask("GET", "")).headers.get("location")).toMatch(/^\/dav\//);
  expect((await ask("MKCALENDAR", "/ada/home/")).status).toBe(201);
  const put = await ask("PUT", "/ada/home/e1.ics", event("Grüße"), { "if-none-match": "*" });
  expect(put.status).toBe(201);
  const listed = await ask("PROPFIND", "/ada/home/", "", { depth: "1" });
  expect(listed.status).toBe(207);
  expect(listed.text).toContain("/dav/ada/home/e1.ics");
  const report = await ask(
    "REPORT",
    "/ada/home/",
    '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>',
    { depth: "1", "content-type": "application/xml" },
  );
  expect(report.text).toContain("Grüße");
  const changed = await ask("PUT", "/ada/home/e1.ics", event("new"), { "if-match": '"old"' });
  expect(changed.status).toBe(412);
  const moved = { destination: `http://127.0.0.1:${project.port}/dav/ada/home/e2.ics` };
  expect((await ask("MOVE", "/ada/home/e1.ics", "", moved)).status).toBe(201);
  expect((await ask("DELETE", "/ada/home/e2.ics")).status).toBe(200);
});

test("Adminer runs in a php-fpm that is a program, its own files beside it", async () => {
  const fpm = readdirSync("/usr/sbin").find((name) => /^php-fpm\d/.test(name)) ?? "php-fpm";
  await using project = await createProject(
    (port) => `{
      edge: {
        listen: ["127.0.0.1:${port}"],
        routes: [{ path: "/*", static: { root: "web", maxAge: "1h" }, upstream: "php" }],
      },
      upstreams: { php: { protocol: "fastcgi", servers: ["unix:fpm.sock"], root: "web" } },
      programs: { fpm: { command: ["/usr/sbin/${fpm}", "-F", "-R", "-y", "fpm.conf"] } },
      redis: false,
    }`,
    {
      "web/note.css": "body { color: red }",
    },
  );
  mkdirSync(join(project.folder, "sessions"));
  copyFileSync("/usr/share/adminer/adminer.php", join(project.folder, "web/index.php"));
  project.write(
    "fpm.conf",
    `[global]
error_log = /dev/stderr
daemonize = no
[www]
listen = ${project.folder}/fpm.sock
pm = static
pm.max_children = 2
${process.getuid?.() === 0 ? "user = root\ngroup = root\n" : ""}php_admin_value[session.save_path] = ${project.folder}/sessions
`,
  );
  await project.up();
  const at = (path: string) => `http://127.0.0.1:${project.port}${path}`;

  const login = await fetch(at("/"));
  expect([login.status, await login.text()]).toEqual([
    200,
    expect.stringContaining("<title>Login - Adminer</title>"),
  ]);
  const cookies = login.headers.getSetCookie().map((cookie) => cookie.split(";", 1)[0]);
  const answered = await fetch(at("/?x=1"), {
    method: "POST",
    headers: { cookie: cookies.join("; ") },
    body: new URLSearchParams({ "auth[driver]": "server", "auth[username]": "nobody" }),
    redirect: "manual",
  });
  expect(answered.status).toBe(302);
  expect(answered.headers.get("location")).toContain("username=nobody");

  const file = await fetch(at("/note.css"));
  expect([await file.text(), file.headers.get("cache-control")]).toEqual([
    "body { color: red }",
    "max-age=3600",
  ]);
  expect(await (await fetch(at("/index.php"))).text()).not.toContain("<?php");
  expect((await project.stack("logs", "fpm")).stdout).toContain("ready to handle connections");
});
