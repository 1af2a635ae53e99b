/**
 * TLS on connections that a plain listener has accepted: certificates by name (SNI), client
 * certificates, session tickets, ALPN. A change of any of them makes a new one; what shakes hands
 * meanwhile ends as it began.
 */
import type { Socket } from "node:net";
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type Server,
  type TLSSocket,
} from "node:tls";
import type { TlsPlan } from "@stack/config";
import type { TlsMaterial } from "../../core/thread-messages.ts";
import { buildNameTable, chooseCertificate } from "../../core/tls/server-names.ts";

export interface TlsEntrance {
  /** Takes over an accepted socket; `onSecure` or the socket's 'close' follows. */
  readonly take: (socket: Socket, onSecure: (secure: TLSSocket) => void) => void;
}

type SniAnswer = (error: Error | null, context?: SecureContext) => void;

/** How long a session may be resumed; its tickets are encrypted with the key of the edge's run. */
const sessionSeconds = 2 * 3600;

/** @param handshakeMs from the first byte to the end of the handshake */
export function createTlsEntrance(
  plan: TlsPlan,
  material: TlsMaterial,
  handshakeMs: number,
): TlsEntrance {
  const shared = {
    minVersion: plan.minVersion,
    sessionTimeout: sessionSeconds,
    sessionIdContext: material.policy,
    ticketKeys: Buffer.from(material.ticketKey),
    ...(material.clientCa === null ? {} : { ca: material.clientCa }),
  };
  const contexts = material.certificates.map(({ cert, key }) =>
    createSecureContext({ ...shared, cert, key }),
  );
  const names = buildNameTable(material.certificates.map((certificate) => certificate.names));
  const [first] = material.certificates;
  const waiting = new WeakMap<Socket, (secure: TLSSocket) => void>();
  const server: Server = createServer({
    ...shared,
    ...(first === undefined ? {} : { cert: first.cert, key: first.key }),
    ...(contexts.length < 2
      ? {}
      : {
          SNICallback: (name: string, done: SniAnswer) =>
            done(null, contexts[chooseCertificate(names, name)]),
        }),
    ALPNProtocols: plan.http2 ? ["h2", "http/1.1"] : ["http/1.1"],
    handshakeTimeout: handshakeMs,
    requestCert: material.clientCa !== null,
    rejectUnauthorized: material.clientCa !== null && plan.clientCertificates === "required",
  });
  server.on("secureConnection", (secure) => {
    const socket = carrierOf(secure);
    const onSecure = socket === undefined ? undefined : waiting.get(socket);
    if (onSecure === undefined || !isAcceptable(secure, material)) secure.destroy();
    else onSecure(secure);
  });
  // A handshake that fails is the client's affair: there is nobody to answer to.
  server.on("tlsClientError", (_error, secure) => secure.destroy());
  return {
    take(socket, onSecure) {
      waiting.set(socket, onSecure);
      server.emit("connection", socket);
    },
  };
}

/** With optional client certificates: none is fine, a bad one is not. */
function isAcceptable(secure: TLSSocket, material: TlsMaterial): boolean {
  if (material.clientCa === null || secure.authorized) return true;
  return secure.getPeerX509Certificate() === undefined;
}

/** The socket that was given to the server; Node keeps it there for its own purposes. */
function carrierOf(secure: TLSSocket): Socket | undefined {
  return (secure as unknown as { readonly _parent?: Socket })._parent;
}
