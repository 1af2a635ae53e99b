/**
 * A Node service with no dependencies: JSON, and a page rendered on the server.
 *
 * It exports a handler and opens no port: stack runs it in as many workers as deploy.config.ts says.
 * `/api/*` arrives here without its "/api" (stripPrefix), `/page` as it is.
 */
import { cpus, freemem, loadavg, totalmem, uptime } from "node:os";
import { renderPage } from "./page.mjs";

let requests = 0;

/** The paths of this service; each returns what is sent. */
const routes = {
  "/": () => json({ service: "api", links: ["/api/whoami", "/api/machine", "/page"] }),
  "/healthz": () => text("ok\n"),
  "/whoami": () => json(whoami()),
  "/machine": () => json(machine()),
  "/page": () => html(renderPage({ who: whoami(), machine: machine(), requests })),
};

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
export default function handle(request, response) {
  requests += 1;
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const { status, type, body, headers = {} } = answer(request.method, pathname);
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

function answer(method, path) {
  if (!Object.hasOwn(routes, path)) return json({ error: "not found", path }, 404);
  if (method !== "GET" && method !== "HEAD") {
    return { ...json({ error: "method not allowed" }, 405), headers: { allow: "GET, HEAD" } };
  }
  return routes[path]();
}

/** Which process answers: what makes the balancing visible. */
function whoami() {
  const { STACK_APP = "api", STACK_INSTANCE = "-", STACK_WORKER = "-" } = process.env;
  return { app: STACK_APP, instance: STACK_INSTANCE, worker: STACK_WORKER, pid: process.pid };
}

function machine() {
  return {
    cores: cpus().length,
    load: loadavg().map((value) => Number(value.toFixed(2))),
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    uptimeSeconds: Math.round(uptime()),
    node: process.version,
  };
}

function json(value, status = 200) {
  return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function text(body) {
  return { status: 200, type: "text/plain; charset=utf-8", body };
}

/** The edge may keep it for a second (`cache` of its route in deploy.config.ts). */
function html(body) {
  const headers = { "cache-control": "public, max-age=0, s-maxage=1" };
  return { status: 200, type: "text/html; charset=utf-8", body, headers };
}
