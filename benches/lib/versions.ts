/** Which peers stood against us: the versions of their Debian packages. */
import { execFileSync } from "node:child_process";

/** The word that names a peer in our tables, and its package. */
const packages: Readonly<Record<string, string>> = {
  nginx: "nginx",
  HAProxy: "haproxy",
  Caddy: "caddy",
  gunicorn: "gunicorn",
  uWSGI: "uwsgi",
  uvicorn: "python3-uvicorn",
  uvloop: "python3-uvloop",
  httptools: "python3-httptools",
  Flask: "python3-flask",
  Django: "python3-django",
  Python: "python3",
};

export type Versions = Readonly<Record<string, string>>;

export function readVersions(): Versions {
  const query = ["-W", "-f", "$" + "{Package} $" + "{Version}\n", ...Object.values(packages)];
  const lines = execFileSync("dpkg-query", query, { encoding: "utf8" }).trim().split("\n");
  const installed = new Map(lines.map((line) => line.split(" ") as [string, string]));
  const versions = Object.entries(packages).map(([name, debian]) => {
    return [name, plainVersion(installed.get(debian) ?? "?")];
  });
  return { ...Object.fromEntries(versions), Node: process.version.slice(1) };
}

/** "nginx + gunicorn sync" is "nginx 1.22.1 + gunicorn 20.1.0 sync". */
export function withVersions(text: string, versions: Versions): string {
  return text.replaceAll(/\b[A-Za-z]+\b/g, (word) => {
    const version = versions[word];
    return version === undefined ? word : `${word} ${version}`;
  });
}

/** "2:1.22.1-9+deb12u2" is 1.22.1 of the program. */
function plainVersion(debian: string): string {
  return debian.replace(/^\d+:/, "").replace(/[-+~].*$/, "");
}
