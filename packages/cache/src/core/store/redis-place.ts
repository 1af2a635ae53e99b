/**
 * Where a Redis is, from its address: one server, some Sentinels that know it, or a cluster.
 *
 *   redis://user:password@host:6379/0            rediss:// speaks TLS, unix:///path?db=0 a socket
 *   redis+sentinel://:password@host:26379,host2/master-name/0
 *   redis+cluster://:password@host:6379,host2:6379
 *
 * With TLS, `?ca=FILE&cert=FILE&key=FILE` name files of certificates, `&servername=NAME` the name to expect.
 */

interface RedisTls {
  /** Files. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

interface Access {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: RedisTls | undefined;
}

interface RedisHost {
  readonly host: string;
  readonly port: number;
}

export type RedisPlace = Access &
  (
    | { readonly kind: "single"; readonly server: RedisHost | { readonly path: string } }
    | {
        readonly kind: "sentinel";
        readonly hosts: readonly RedisHost[];
        readonly master: string;
      }
    | { readonly kind: "cluster"; readonly hosts: readonly RedisHost[] }
  );

const shape =
  /^(?<scheme>rediss?|unix|rediss?\+sentinel|rediss?\+cluster):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;

/** Undefined when it is no such address. */
export function parseRedisPlace(address: string): RedisPlace | undefined {
  const parts = shape.exec(address)?.groups;
  if (parts === undefined) return undefined;
  const { scheme = "", user = "", password, hosts = "", path = "", query = "" } = parts;
  const options = new URLSearchParams(query);
  const segments = path.split("/").slice(1);
  const database = options.get("db") ?? (scheme === "unix" ? "0" : segments.at(-1) || "0");
  const access: Access = {
    username: user === "" ? undefined : decodeURIComponent(user),
    password: password === undefined ? undefined : decodeURIComponent(password),
    database: Number(database),
    tls: scheme.startsWith("rediss") ? tlsOf(options) : undefined,
  };
  if (scheme === "unix") {
    return path === "" ? undefined : { ...access, kind: "single", server: { path } };
  }
  if (scheme.endsWith("+sentinel")) {
    const master = segments[0] ?? "";
    const number = Number(options.get("db") ?? segments[1] ?? 0);
    const known = hostsOf(hosts, 26_379);
    if (master === "" || known === undefined || !Number.isInteger(number)) return undefined;
    return { ...access, kind: "sentinel", hosts: known, master, database: number };
  }
  const known = hostsOf(hosts, 6_379);
  const [first] = known ?? [];
  if (known === undefined || first === undefined) return undefined;
  if (scheme.endsWith("+cluster")) return { ...access, kind: "cluster", hosts: known, database: 0 };
  if (known.length !== 1 || !Number.isInteger(access.database)) return undefined;
  return { ...access, kind: "single", server: first };
}

/** Without its password: to be shown. */
export function describeRedisPlace(place: RedisPlace): string {
  const scheme = place.tls === undefined ? "redis" : "rediss";
  if (place.kind === "single" && "path" in place.server) return `unix://${place.server.path}`;
  const hosts = place.kind === "single" ? [place.server as RedisHost] : place.hosts;
  const list = hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  if (place.kind === "single") return `${scheme}://${list}/${place.database}`;
  return `${scheme}+${place.kind}://${list}${place.kind === "sentinel" ? `/${place.master}` : ""}`;
}

function hostsOf(text: string, usualPort: number): RedisHost[] | undefined {
  const hosts = text.split(",").map((one) => {
    const parts = /^(?<host>\[[^\]]+\]|[^:]*)(?::(?<port>\d+))?$/.exec(one)?.groups;
    const host = (parts?.["host"] ?? "").replace(/^\[|\]$/g, "");
    return { host: host === "" ? "127.0.0.1" : host, port: Number(parts?.["port"] ?? usualPort) };
  });
  return hosts.every(({ port }) => port > 0 && port < 65_536) ? hosts : undefined;
}

function tlsOf(options: URLSearchParams): RedisTls {
  const tls: Record<string, string> = {};
  for (const name of ["ca", "cert", "key", "servername"]) {
    const value = options.get(name);
    if (value !== null) tls[name] = value;
  }
  return tls;
}
