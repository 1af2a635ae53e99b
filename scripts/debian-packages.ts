/**
 * What the tests and benchmarks need from Debian, and how it is installed: `node scripts/debian-packages.ts test`
 * or `… bench`. Needs root when something is missing; their services are kept from starting by themselves.
 */
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";

const packages = {
  test: [
    "python3",
    "python3-flask",
    "python3-django",
    "python3-redis",
    "python3-gevent",
    "python3-eventlet",
    "python3-starlette",
    "python3-fastapi",
    "python3-uvloop",
    "python3-websockets",
    "redis-server",
    "nginx",
    "haproxy",
    "php-fpm",
    "uwsgi",
    "uwsgi-plugin-python3",
    "gunicorn",
    "nghttp2-client",
    "openssl",
    "curl",
    "git",
    "mercurial",
    "radicale",
    "adminer",
    "slowhttptest",
    "apache2-utils",
    "util-linux",
    "iproute2",
  ],
  bench: [
    "nginx",
    "haproxy",
    "caddy",
    "gunicorn",
    "uwsgi",
    "uwsgi-plugin-python3",
    "python3",
    "python3-flask",
    "python3-django",
    "python3-uvicorn",
    "python3-uvloop",
    "python3-httptools",
    "python3-websockets",
    "wrk",
    "nghttp2-client",
    "openssl",
    "util-linux",
  ],
} as const;

const policyFile = "/usr/sbin/policy-rc.d";

const purpose = process.argv[2];
if (purpose !== "test" && purpose !== "bench") {
  console.error("usage: node scripts/debian-packages.ts test|bench");
  process.exit(2);
}
const missing = packages[purpose].filter((name) => !isInstalled(name));
if (missing.length > 0 && !install(missing)) {
  console.error(
    `Missing from Debian: ${missing.join(" ")}\n` +
      `  Fix   sudo apt-get install -y --no-install-recommends ${missing.join(" ")}`,
  );
  process.exitCode = 1;
}

function isInstalled(name: string): boolean {
  const query = spawnSync("dpkg-query", ["-W", "-f", "$" + "{Status}", name], { encoding: "utf8" });
  return query.status === 0 && query.stdout === "install ok installed";
}

function install(names: readonly string[]): boolean {
  if (process.getuid?.() !== 0) return false;
  console.error(`installing from Debian: ${names.join(" ")}`);
  const ownPolicy = !existsSync(policyFile);
  if (ownPolicy) writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const quiet: SpawnSyncOptions = { stdio: ["ignore", "ignore", "inherit"], env };
    spawnSync("apt-get", ["update", "-qq"], quiet);
    const installed = spawnSync(
      "apt-get",
      ["install", "-y", "-qq", "--no-install-recommends", ...names],
      quiet,
    );
    return installed.status === 0;
  } finally {
    if (ownPolicy) rmSync(policyFile, { force: true });
  }
}
