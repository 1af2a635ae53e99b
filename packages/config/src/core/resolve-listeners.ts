/** `edge.listen` to plans: addresses apart from what is spoken on them. */
import { parseAddress } from "@stack/base";
import type { z } from "zod";
import type { ListenerPlan, TlsPlan } from "../listener-plan.ts";
import type { listenSchema } from "../schema/listen.ts";

type ParsedListen = z.output<typeof listenSchema>;
type ParsedListener = Exclude<ParsedListen[number], string | number>;
type ParsedTls = NonNullable<ParsedListener["tls"]>;
type TlsOptions = Exclude<ParsedTls, string | readonly unknown[]>;

interface PathContext {
  /** A path of the config, absolute. */
  readonly absolute: (path: string) => string;
  /** Absolute: `logs` in the folder that holds our state. */
  readonly logFolder: string;
}

const plain: ListenerPlan = {
  protocol: "http",
  frontServer: false,
  tls: null,
  proxyFrom: null,
  redirectPort: null,
};

export function addressOfListener(written: ParsedListen[number]): string {
  return String(typeof written === "object" ? written.address : written);
}

/** The mode of a Unix socket's file; undefined for what a listener has unless told otherwise. */
export function socketModeOf(written: ParsedListen[number]): number | undefined {
  const mode = typeof written === "object" ? written.socketMode : undefined;
  return mode === undefined ? undefined : Number.parseInt(mode, 8);
}

/** Undefined when all of them are plain HTTP: then there is nothing to be said. */
export function resolveListeners(
  listen: ParsedListen,
  context: PathContext,
): readonly ListenerPlan[] | undefined {
  const redirectPort = httpsPort(listen);
  const plans = listen.map((written): ListenerPlan => {
    if (typeof written !== "object") return plain;
    return {
      protocol: written.protocol,
      frontServer: written.frontServer || written.protocol !== "http",
      tls: written.tls === undefined ? null : resolveTls(written.tls, context),
      proxyFrom: written.proxyProtocol?.from ?? null,
      redirectPort: written.redirect === undefined ? null : redirectPort,
    };
  });
  const isPlain = plans.every(
    (plan) =>
      !plan.frontServer &&
      plan.tls === null &&
      plan.proxyFrom === null &&
      plan.redirectPort === null,
  );
  return isPlain ? undefined : plans;
}

function resolveTls(written: ParsedTls, context: PathContext): TlsPlan {
  const isWhole = written === "self-signed" || Array.isArray(written);
  const options = isWhole ? undefined : written;
  const chosen = isWhole ? written : (written.certificates ?? [pairOf(written)]);
  const stateFolder = context.logFolder.slice(0, context.logFolder.lastIndexOf("/"));
  return {
    certificates:
      chosen === "self-signed"
        ? []
        : chosen.map(({ cert, key }) => ({
            cert: context.absolute(cert),
            key: context.absolute(key),
          })),
    selfSignedFolder: chosen === "self-signed" ? `${stateFolder}/tls` : null,
    clientCa: options?.clientCa === undefined ? null : context.absolute(options.clientCa),
    clientCertificates: options?.clientCertificates ?? "required",
    minVersion: options?.minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    http2: options?.http2 ?? true,
    hsts: hstsValue(options?.hsts ?? false),
  };
}

function pairOf({ cert, key }: TlsOptions): { cert: string; key: string } {
  if (cert === undefined || key === undefined) throw new TypeError("unchecked tls");
  return { cert, key };
}

function hstsValue(hsts: TlsOptions["hsts"]): string {
  if (hsts === false) return "";
  const names = hsts.includeSubDomains ? "; includeSubDomains" : "";
  return `max-age=${Math.floor(hsts.maxAge / 1000)}${names}${hsts.preload ? "; preload" : ""}`;
}

/** Of the first listener that speaks it. */
function httpsPort(listen: ParsedListen): number {
  const secure = listen.find((one) => typeof one === "object" && one.tls !== undefined);
  const address = secure === undefined ? undefined : parseAddress(addressOfListener(secure));
  return address?.kind === "tcp" ? address.port : 443;
}
