/**
 * `stack serve`: from its flags to the config they stand for, one app and the listeners of a web
 * server in front. Pure; what it makes is data, and is checked like any other config.
 */
import { parsePythonTarget } from "@stack/base";

const serveProtocols = ["http", "uwsgi", "fastcgi", "scgi"] as const;
type ServeProtocol = (typeof serveProtocols)[number];
const serveKinds = ["wsgi", "asgi", "node"] as const;
type ServeKind = (typeof serveKinds)[number];

/** The flags, as they were written. */
export interface ServeFlags {
  readonly bind: readonly string[];
  readonly protocol?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
  readonly workers?: string | undefined;
  readonly threads?: string | undefined;
  readonly worker?: string | undefined;
  readonly python?: string | undefined;
  readonly requestTimeout?: string | undefined;
  readonly maxRequests?: string | undefined;
  readonly health?: string | undefined;
  readonly preload: boolean;
  readonly socketMode?: string | undefined;
  readonly trust: readonly string[];
}

export interface ServePlan {
  readonly name: string;
  readonly binds: readonly ServeBind[];
  /** For deploy.config: not checked yet. */
  readonly config: Readonly<Record<string, unknown>>;
}

interface ServeBind {
  /** As it was written, for messages. */
  readonly written: string;
  readonly address: string;
  readonly protocol: ServeProtocol;
}

/** A sentence about what is wrong with the flags. */
export interface ServeProblem {
  readonly problem: string;
}

/** gunicorn's. */
const defaultBind = "127.0.0.1:8000";
/** A web server in front on this machine, over TCP or a Unix socket. */
const defaultTrust = ["127.0.0.0/8", "::1", "unix:"];

/** @param folder where the command stands: of the app, and of relative sockets */
export function planServe(
  target: string,
  flags: ServeFlags,
  folder: string,
): ServePlan | ServeProblem {
  const { protocol = "http", socketMode } = flags;
  if (!isOneOf(serveProtocols, protocol)) return unknown("--protocol", protocol, serveProtocols);
  const kind = flags.kind ?? (/\.[cm]?[jt]s$/.test(target) ? "node" : "wsgi");
  if (!isOneOf(serveKinds, kind)) return unknown("--kind", kind, serveKinds);
  const binds = (flags.bind.length === 0 ? [defaultBind] : flags.bind).map((written) =>
    readBind(written, protocol, folder),
  );
  const app = appOf(kind, target, flags, folder);
  const name = flags.name ?? nameOf(target);
  return {
    name,
    binds,
    config: {
      name,
      edge: {
        listen: binds.map(({ address, protocol: spoken }) => ({
          address,
          protocol: spoken,
          frontServer: true,
          ...(socketMode === undefined || !address.startsWith("unix:") ? {} : { socketMode }),
        })),
        trustedProxies: flags.trust.length === 0 ? defaultTrust : [...flags.trust],
        // The web server in front has bounds of its own; bodies are passed on as they come.
        limits: { bodyBytes: "1gb" },
        routes: [{ path: "/*", app: name }],
      },
      apps: { [name]: app },
      redis: false,
    },
  };
}

/** "uwsgi://0.0.0.0:3031", ":8000", "unix:run/shop.sock", "/run/shop.sock" */
function readBind(written: string, usual: ServeProtocol, folder: string): ServeBind {
  const match = /^(http|uwsgi|fastcgi|scgi):\/\/(.*)$/.exec(written);
  const protocol = (match?.[1] as ServeProtocol | undefined) ?? usual;
  const rest = match?.[2] ?? written;
  const path = rest.startsWith("unix:") ? rest.slice("unix:".length).replace(/^\/{2,}/, "/") : rest;
  const isPath = rest.startsWith("unix:") || /^\.{0,2}\//.test(rest);
  if (isPath) {
    const absolute = path.startsWith("/") ? path : `${folder}/${path.replace(/^\.\//, "")}`;
    return { written, address: `unix:${absolute}`, protocol };
  }
  return { written, address: rest.startsWith(":") ? `0.0.0.0${rest}` : rest, protocol };
}

function appOf(
  kind: ServeKind,
  target: string,
  flags: ServeFlags,
  folder: string,
): Readonly<Record<string, unknown>> {
  const { python, health, worker } = flags;
  const life = {
    cwd: folder,
    ...(health === undefined ? {} : { health }),
    ...(flags.requestTimeout === undefined ? {} : { timeout: durationOf(flags.requestTimeout) }),
    ...numberKey("maxRequests", flags.maxRequests),
    ...(flags.workers === "auto" ? {} : numberKey("workers", flags.workers)),
  };
  if (kind === "node") return { kind, ...life, entry: target };
  return {
    kind,
    ...life,
    app: callableOf(target),
    preload: flags.preload,
    ...(python === undefined ? {} : { python }),
    ...numberKey("threads", flags.threads),
    ...(worker === undefined ? {} : { worker }),
  };
}

/**
 * "shop.wsgi" is "shop.wsgi:application", and "shop/wsgi.py:app" is "shop.wsgi:app": a module of the
 * folder, which may import its neighbours as such. Other paths are files.
 */
function callableOf(target: string): string {
  const named = parsePythonTarget(target);
  if (named.kind === "module") return `${named.module}:${named.callable || "application"}`;
  const { path, callable = "application" } = named;
  const dotted = path.replace(/^\.\//, "").replace(/\.py$/, "").replaceAll("/", ".");
  return path.endsWith(".py") && /^\w+(?:\.\w+)*$/.test(dotted) ? `${dotted}:${callable}` : target;
}

/** The package of the app, or of a script outside the folder its own name, in the letters a name may have. */
function nameOf(target: string): string {
  const isElsewhere = /^(?:\/|\.\.\/)/.test(target);
  const path = isElsewhere ? target.replace(/:.*$/, "").replace(/^.*\//, "") : target;
  const first = path.replace(/^\.?\//, "").split(/[.:/]/, 1)[0] ?? "";
  const name = first
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 32);
  return /^[a-z]/.test(name) ? name : "app";
}

function numberKey(key: string, text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {};
  return { [key]: /^\d+$/.test(text) ? Number(text) : text };
}

/** gunicorn's `--timeout 30` is in seconds. */
function durationOf(text: string): string {
  return /^\d+$/.test(text) ? `${text}s` : text;
}

function isOneOf<T extends string>(list: readonly T[], value: string): value is T {
  return (list as readonly string[]).includes(value);
}

function unknown(flag: string, value: string, known: readonly string[]): ServeProblem {
  return { problem: `${flag} ${value} is not known. Use ${known.join(", ")}` };
}
