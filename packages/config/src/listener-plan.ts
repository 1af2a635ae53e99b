/** What a listener is besides an address; part of the edge's plan. */

/** What is spoken on a listener; all but HTTP by a web server in front of us. */
export type ListenerProtocol = "http" | "uwsgi" | "fastcgi" | "scgi";

export interface ListenerPlan {
  readonly protocol: ListenerProtocol;
  /** A web server of the operator's stands in front; always so with all but HTTP. */
  readonly frontServer: boolean;
  /** Null: plain HTTP. */
  readonly tls: TlsPlan | null;
  /** Networks whose connections begin with a PROXY header; null: none do. */
  readonly proxyFrom: readonly string[] | null;
  /** The HTTPS port every request is sent to; null: the routes answer. */
  readonly redirectPort: number | null;
}

export interface TlsPlan {
  /** PEM files, absolute, the default first; empty with `selfSignedFolder`. */
  readonly certificates: readonly { readonly cert: string; readonly key: string }[];
  /** Where a certificate for development is kept; null without one. */
  readonly selfSignedFolder: string | null;
  /** Authorities for client certificates; null: none are asked for. */
  readonly clientCa: string | null;
  readonly clientCertificates: "required" | "optional";
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly http2: boolean;
  /** The value of Strict-Transport-Security; "" for none. */
  readonly hsts: string;
}
