/**
 * The edge of a stack that root has started is not root's: it is who `edge.user` says, with nothing of
 * root's left, and does all it did. Needs root, as the packages for the other tests do.
 */
import { chmodSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { resolveStatePaths, type StatusData } from "@stack/control";
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
  const get = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${project.port}${path}`)).text();

  const before = pidOf(await project.up(), "edge");
  expectDropped(before);
  expect(await get("/")).toBe("one");
  expect(await get("/files/a.txt")).toBe("a file");
  expect(rightsOf(pidOf(await project.status(), "keeper"))[0]).toMatchObject({
    Uid: "0\t0\t0\t0",
  });

  const { edge, edgeControl, run, state } = resolveStatePaths(
    join(project.folder, "deploy.config.ts"),
  );
  const facts = (path: string): readonly number[] => {
    const found = lstatSync(path);
    return [found.uid, found.gid, found.mode & 0o7777];
  };
  expect(facts(state)).toEqual([0, gid, 0o710]);
  expect(facts(edge)).toEqual([uid, gid, 0o700]);
  expect(facts(edgeControl)).toEqual([uid, gid, 0o600]);
  expect(facts(join(run, "web"))).toEqual([0, gid, 0o2710]);
  for (const name of readdirSync(join(run, "web")).filter((file) => file.endsWith(".sock"))) {
    expect(facts(join(run, "web", name))).toEqual([0, gid, 0o660]);
  }

  project.write("web.py", wsgiApp("two"));
  expect(await project.stack("reload")).toMatchObject({ code: 0 });
  expect(await get("/")).toBe("two");
  expect(await project.stack("restart", "edge")).toMatchObject({ code: 0 });
  const after = pidOf(await project.status(), "edge");
  expect(after).not.toBe(before);
  expectDropped(after);
  expect(await get("/")).toBe("two");
  expect(await project.stack("metrics")).toMatchObject({ code: 0 });

  expect(await project.stack("down")).toMatchObject({ code: 0 });
  expect(project.leftovers()).toEqual([]);
}, 240_000);
