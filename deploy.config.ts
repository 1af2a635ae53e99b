/**
 * The demo: a guestbook in Python, a service in Node, files, all behind one port.
 *
 *   npx stack up          http://127.0.0.1:8080/
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { defineConfig } from "@stack/config";

const python = findPythonWithFlask();
if (python === undefined) {
  // A config is a program: what it writes to standard error is shown by the command that loads it.
  process.stderr.write("Flask is not installed: the guestbook runs as its plain WSGI twin\n");
}

export default defineConfig({
  name: "demo",
  edge: {
    listen: [8080],
    routes: [
      { path: "/*", app: "guestbook" },
      { path: "/static/*", static: { root: "apps/guestbook/static" } },
      // Written by the guestbook, served without it.
      { path: "/media/*", static: { root: "apps/guestbook/data/media" } },
      { path: "/api/*", app: "api", stripPrefix: true },
      // Kept for as long as its headers say: a crowd costs the service a page per second.
      { path: "/page", app: "api", cache: { mode: "http" } },
      { path: "/about/*", static: { root: "apps/site" } },
      { path: "/guestbook", redirect: { to: "/" } },
      { path: "/robots.txt", respond: { body: "User-agent: *\nDisallow: /slow\n" } },
    ],
  },
  apps: {
    guestbook: {
      kind: "wsgi",
      cwd: "apps/guestbook",
      app:
        python === undefined
          ? "guestbook.plain_app:application"
          : "guestbook.flask_app:application",
      ...(python === undefined ? {} : { python }),
      instances: 2,
      workers: 2,
      health: "/healthz",
    },
    api: { kind: "node", cwd: "apps/api", entry: "server.mjs", workers: 2, health: "/healthz" },
  },
  redis: "auto",
  smoke: [
    { get: "/", expect: { contains: "Answered by instance" } },
    { get: "/whoami", expect: { contains: "guestbook" } },
    { get: "/static/guestbook.css", expect: { contains: "font-family" } },
    { get: "/media/none.png", expect: { status: 404 } },
    { get: "/api/whoami", expect: { contains: "api" } },
    { get: "/page", expect: { contains: "Rendered on the server" } },
    { get: "/about/", expect: { contains: "One stack" } },
    { get: "/guestbook", expect: { status: 308 } },
    { get: "/robots.txt", expect: { contains: "Disallow" } },
  ],
});

/**
 * The first Python that has Flask: those stack would look for by itself, then the system's, whose
 * packages (apt install python3-flask) another python3 in front of it on the PATH does not see.
 */
function findPythonWithFlask(): string | undefined {
  const environments = ["apps/guestbook/.venv/bin/python", ".venv/bin/python", "venv/bin/python"];
  return [...environments.filter(existsBeside), "python3", "/usr/bin/python3"].find(hasFlask);
}

function existsBeside(path: string): boolean {
  return existsSync(new URL(path, import.meta.url));
}

/** Asks without importing it: 20 ms, where the import would take 300. */
function hasFlask(python: string): boolean {
  const question = "import importlib.util, sys; sys.exit(not importlib.util.find_spec('flask'))";
  try {
    execFileSync(python, ["-c", question], {
      stdio: "ignore",
      timeout: 4_000,
      cwd: import.meta.dirname,
    });
    return true;
  } catch {
    return false;
  }
}
