/**
 * What no key can know alone: names that must exist, things that must be there only once, folders
 * that must be on the disk. Reads the config as written, so that these problems are told together
 * with those of the schema; what the schema refuses anyway is passed over here.
 */
import { formatAddress, parseAddress, type SocketAddress } from "@stack/base";
import { checkListenOptions } from "./check-listen.ts";
import { checkProtection } from "./check-protection.ts";
import { isNetwork } from "./cidr.ts";
import { formatPath } from "./config-path.ts";
import type { Problem } from "./problem.ts";
import { checkErrorPages, checkTargets } from "./routing/check-targets.ts";
import { findUnreachable } from "./routing/unreachable.ts";
import { suggest } from "./suggest.ts";

/** What the disk says about a folder. */
type FolderState = "folder" | "missing" | "other";

/** A folder of the config: where it is meant to be, and what is there. */
export type FolderProbe = (path: string) => {
  readonly absolute: string;
  readonly state: FolderState;
};

export function crossCheck(input: unknown, probe: FolderProbe): readonly Problem[] {
  const config = record(input);
  const edge = record(config.edge);
  return [
    ...checkListeners(list(edge.listen)),
    ...checkListenOptions(list(edge.listen), probe),
    ...checkProxies(list(edge.trustedProxies)),
    ...checkRoutes(list(edge.routes), config, probe),
    ...findUnreachable(list(edge.routes)),
    ...checkErrorPages(edge.errorPages, probe),
    ...checkUpstreams(record(config.upstreams), probe),
    ...checkWorkingFolders("apps", record(config.apps), probe),
    ...checkWorkingFolders("programs", record(config.programs), probe),
    ...checkNamesOnce(config),
    ...checkDependencies(config),
    ...checkCache(config),
  ];
}

function checkListeners(listen: readonly unknown[]): readonly Problem[] {
  const seen: { readonly index: number; readonly address: SocketAddress }[] = [];
  return listen.flatMap((one, index) => {
    const isObject = typeof one === "object" && one !== null;
    const path = ["edge", "listen", index, ...(isObject ? ["address"] : [])];
    const written = isObject ? record(one).address : one;
    if (typeof written !== "number" && typeof written !== "string") return [];
    const address = parseAddress(String(written), "0.0.0.0");
    if (address === undefined) {
      if (typeof written === "number") return [];
      return [{ path, message: notAnAddress(written) }];
    }
    const taken = seen.find((other) => overlaps(other.address, address));
    seen.push({ index, address });
    if (taken === undefined) return [];
    const where = formatPath(["edge", "listen", taken.index]);
    return [
      { path, message: `${formatAddress(address)} is already taken by ${where}; remove one` },
    ];
  });
}

/** Two listeners that the system would not let live side by side. */
function overlaps(a: SocketAddress, b: SocketAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix") {
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  }
  if (a.port !== b.port) return false;
  const isEverywhere = [a, b].some(({ host }) => host === "0.0.0.0" || host === "::");
  return a.host === b.host || (isEverywhere && a.port !== 0);
}

function checkProxies(proxies: readonly unknown[]): readonly Problem[] {
  return proxies.flatMap((written, index) =>
    typeof written !== "string" || written === "unix:" || isNetwork(written)
      ? []
      : [
          {
            path: ["edge", "trustedProxies", index],
            message: `${JSON.stringify(written)} is no address or network. Use "10.0.0.0/8", "::1" or "unix:"`,
          },
        ],
  );
}

function checkRoutes(
  routes: readonly unknown[],
  config: Loose,
  probe: FolderProbe,
): readonly Problem[] {
  return routes.flatMap((written, index) => {
    const route = record(written);
    const path = ["edge", "routes", index];
    const problems: Problem[] = [];
    for (const [key, names] of [
      ["app", Object.keys(record(config.apps))],
      ["upstream", Object.keys(record(config.upstreams))],
    ] as const) {
      const name = route[key];
      if (typeof name !== "string" || names.includes(name)) continue;
      problems.push({ path: [...path, key], message: unknownName(name, `${key}s`, names) });
    }
    const names = {
      apps: Object.keys(record(config.apps)),
      upstreams: Object.keys(record(config.upstreams)),
    };
    problems.push(...checkProtection(route, path, names, unknownName, probe));
    const root = record(route.static).root;
    if (typeof root === "string" && root !== "") {
      const { absolute, state } = probe(root);
      if (state !== "folder") {
        const why = state === "missing" ? "does not exist" : "is no folder";
        problems.push({ path: [...path, "static", "root"], message: `${absolute} ${why}` });
      }
    }
    problems.push(...checkTargets(route, path, names, unknownName));
    return problems;
  });
}

function checkUpstreams(
  upstreams: Readonly<Record<string, unknown>>,
  probe: FolderProbe,
): readonly Problem[] {
  return Object.entries(upstreams).flatMap(([name, upstream]) => {
    const path = ["upstreams", name];
    const { root, servers } = record(upstream);
    const problems: Problem[] = list(servers).flatMap((server, index) => {
      const written = typeof server === "string" ? server : record(server).address;
      if (typeof written !== "string" || written === "") return [];
      const address = parseAddress(written);
      if (address !== undefined && (address.kind === "unix" || address.port > 0)) return [];
      const place = [...path, "servers", index, ...(written === server ? [] : ["address"])];
      return [{ path: place, message: notAnAddress(written) }];
    });
    if (typeof root === "string" && root !== "") {
      const { absolute, state } = probe(root);
      const why = state === "missing" ? "does not exist" : "is no folder";
      if (state !== "folder") {
        problems.push({ path: [...path, "root"], message: `${absolute} ${why}` });
      }
    }
    return problems;
  });
}

function checkWorkingFolders(
  section: "apps" | "programs",
  entries: Readonly<Record<string, unknown>>,
  probe: FolderProbe,
): readonly Problem[] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    const cwd = record(entry).cwd;
    if (typeof cwd !== "string") return [];
    const { absolute, state } = probe(cwd);
    if (state === "folder") return [];
    const why = state === "missing" ? "does not exist" : "is no folder";
    return [{ path: [section, name, "cwd"], message: `${absolute} ${why}` }];
  });
}

/** Commands name a service by its name alone, so apps and programs share their names. */
function checkNamesOnce(config: Loose): readonly Problem[] {
  const reserved = new Map([
    ["edge", "the edge"],
    ["redis", "the managed redis-server"],
    ["keeper", "a process of stack"],
    ["stackd", "a process of stack"],
  ]);
  const apps = Object.keys(record(config.apps));
  const programs = Object.keys(record(config.programs));
  return [
    ...programs
      .filter((name) => apps.includes(name))
      .map((name) => ({
        path: ["programs", name],
        message: `"${name}" is also the name of an app; commands could not tell them apart`,
      })),
    ...[...apps.map((name) => ["apps", name]), ...programs.map((name) => ["programs", name])]
      .filter(([, name]) => reserved.has(name ?? ""))
      .map((path) => ({
        path,
        message: `"${path[1]}" is the name of ${reserved.get(path[1] ?? "")}; take another`,
      })),
  ];
}

function checkDependencies(config: Loose): readonly Problem[] {
  const programs = record(config.programs);
  const known = [...Object.keys(record(config.apps)), ...Object.keys(programs), "redis"];
  const needs = new Map<string, readonly string[]>(
    Object.entries(programs).map(([name, program]) => [
      name,
      Object.keys(record(record(program).dependsOn)),
    ]),
  );
  const problems: Problem[] = [];
  for (const [name, wanted] of needs) {
    for (const other of wanted) {
      const path = ["programs", name, "dependsOn", other];
      if (!known.includes(other)) {
        problems.push({
          path,
          message: unknownName(
            other,
            "apps or programs",
            known.filter((known) => known !== name),
          ),
        });
      } else if (other === "redis" && config.redis === false) {
        problems.push({ path, message: "redis is false: there is none to wait for" });
      } else if (circle(name, other, needs)) {
        problems.push({ path, message: `${name} waits for itself: ${circle(name, other, needs)}` });
      }
    }
  }
  return problems;
}

function checkCache({ cache, redis }: Loose): readonly Problem[] {
  if (record(cache).store !== "redis" || redis !== false) return [];
  return [{ path: ["cache", "store"], message: "redis is false: there is none to keep answers" }];
}

/** "a → b → a" when `from` is needed, over any number of steps, by what it needs. */
function circle(
  from: string,
  step: string,
  needs: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  const paths: (readonly string[])[] = [[from, step]];
  const seen = new Set<string>();
  for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
    const last = path.at(-1) ?? "";
    if (last === from) return path.join(" → ");
    if (seen.has(last)) continue;
    seen.add(last);
    for (const next of needs.get(last) ?? []) paths.push([...path, next]);
  }
  return undefined;
}

function unknownName(name: string, what: string, known: readonly string[]): string {
  const near = suggest(name, known);
  if (near !== undefined) return `no "${name}" in ${what}. Did you mean "${near}"?`;
  if (known.length === 0) return `no "${name}" in ${what}, which is empty`;
  return `no "${name}" in ${what}. There is: ${known.join(", ")}`;
}

function notAnAddress(written: string): string {
  return `${JSON.stringify(written)} is no address. Use "127.0.0.1:3000", "[::1]:3000" or "unix:run/app.sock"`;
}

/** The keys that are read here; anything may be written in them. */
type Loose = {
  readonly [Key in
    | "edge"
    | "apps"
    | "upstreams"
    | "programs"
    | "redis"
    | "cache"
    | "store"
    | "listen"
    | "address"
    | "trustedProxies"
    | "routes"
    | "errorPages"
    | "path"
    | "host"
    | "static"
    | "root"
    | "app"
    | "upstream"
    | "servers"
    | "cwd"
    | "dependsOn"]?: unknown;
};

function record(value: unknown): Loose & Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
