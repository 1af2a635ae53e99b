/** `edge.listen[]` in deploy.config.ts: where the edge listens, and what is spoken there. */
import { z } from "zod";
import { durationMs } from "./scalars.ts";

const pair = {
  cert: z
    .string()
    .min(1)
    .meta({
      description: "PEM file: the certificate, and after it those that signed it.",
      examples: ["/etc/letsencrypt/live/example.com/fullchain.pem"],
    }),
  key: z
    .string()
    .min(1)
    .meta({
      description: "PEM file: its private key, without a passphrase.",
      examples: ["/etc/letsencrypt/live/example.com/privkey.pem"],
    }),
};
const certificatePair = z.strictObject(pair);
const certificateList = z.array(certificatePair).min(1);

const hsts = z.union(
  [
    z.literal(false),
    z.strictObject({
      maxAge: durationMs
        .prefault("1y")
        .meta({ description: "How long browsers come by HTTPS only." }),
      includeSubDomains: z
        .boolean()
        .default(false)
        .meta({ description: "Also for all names below." }),
      preload: z
        .boolean()
        .default(false)
        .meta({ description: "Allows browsers to have it built in; hard to take back." }),
    }),
  ],
  { error: 'Use false, or { maxAge: "1y", includeSubDomains: true }' },
);

const tlsObject = z
  .strictObject({
    cert: pair.cert.optional(),
    key: pair.key.optional(),
    certificates: z
      .union([z.literal("self-signed"), certificateList])
      .optional()
      .meta({
        description:
          'In place of `cert` and `key`: several, chosen by the name a client asks for (SNI); the first is the default. Or "self-signed".',
      }),
    clientCa: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "PEM file with authorities: clients must show a certificate of one of them.",
        examples: ["tls/clients-ca.pem"],
      }),
    clientCertificates: z.enum(["required", "optional"]).default("required").meta({
      description: "With `clientCa`: whether a client without a certificate is let in.",
    }),
    minVersion: z.enum(["1.2", "1.3"]).default("1.2").meta({ description: "Oldest TLS version." }),
    http2: z.boolean().default(true).meta({ description: "Offer HTTP/2 (ALPN)." }),
    hsts: hsts.default(false).meta({
      description: "Strict-Transport-Security in every answer.",
      examples: [{ maxAge: "1y", includeSubDomains: true }],
    }),
  })
  .superRefine((tls, context) => {
    const hasPair = tls.cert !== undefined || tls.key !== undefined;
    if (hasPair && tls.certificates !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["certificates"],
        message: "give `cert` and `key`, or `certificates`, not both",
      });
    } else if (
      tls.certificates === undefined &&
      !(tls.cert !== undefined && tls.key !== undefined)
    ) {
      const missing = tls.cert === undefined ? "cert" : "key";
      context.addIssue({
        code: "custom",
        message: hasPair
          ? `\`${missing}\` is missing: a certificate needs its key`
          : 'Say which certificate: `cert` and `key`, or `certificates: "self-signed"`',
      });
    }
  });

const listener = z
  .strictObject({
    address: z
      .union([z.int().min(1).max(65_535), z.string().min(1)], {
        error: 'Use a port from 1 to 65535, "host:port" or "unix:path"',
      })
      .meta({ description: 'A port (on every IPv4 interface), "host:port" or "unix:path".' }),
    protocol: z
      .enum(["http", "uwsgi", "fastcgi", "scgi"])
      .default("http")
      .meta({
        description:
          "What is spoken here. All but HTTP are for a web server in front (nginx's `uwsgi_pass`, `fastcgi_pass`, `scgi_pass`): whoever reaches such a listener is believed what it says of the client, so keep it out of everybody else's reach.",
        examples: ["uwsgi"],
      }),
    frontServer: z.boolean().default(false).meta({
      description:
        "A web server of yours stands in front and is one of `trustedProxies`: X-Forwarded-For is passed on as it says it, and X-Accel-* and X-Sendfile of an application are for it. Of other protocols than HTTP always so.",
    }),
    socketMode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'Use an octal mode, for example "0660"')
      .optional()
      .meta({
        description:
          "Who may connect to a Unix socket, as the mode of its file; everybody unless told otherwise.",
        examples: ["0660"],
      }),
    tls: z
      .union([z.literal("self-signed"), certificateList, tlsObject], {
        error: 'Use "self-signed", { cert, key } or a list of those',
      })
      .optional()
      .meta({
        description:
          'HTTPS: "self-signed" (for development, kept in .stack/tls), `{ cert, key }`, or a list of those, chosen by SNI. Files are read again when they change.',
        examples: ["self-signed"],
      }),
    proxyProtocol: z
      .strictObject({
        from: z
          .array(z.string())
          .min(1)
          .meta({
            description: 'Addresses and networks of the proxies; "unix:" for a Unix socket.',
            examples: [["10.0.0.0/8"]],
          }),
      })
      .optional()
      .meta({
        description:
          "Connections from these begin with a PROXY header, version 1 or 2, that says who the client is. From anybody else such a header is refused.",
      }),
    redirect: z.literal("https").optional().meta({
      description:
        "Send every request to the same address by HTTPS, on the port of the first listener with `tls` (but for /.well-known/acme-challenge/).",
    }),
  })
  .superRefine((one, context) => {
    for (const key of ["tls", "proxyProtocol", "redirect"] as const) {
      if (one.protocol === "http" || one[key] === undefined) continue;
      context.addIssue({
        code: "custom",
        path: [key],
        message: `${one.protocol} has no \`${key}\`: it is the affair of the web server in front`,
      });
    }
    if (one.socketMode !== undefined && !String(one.address).startsWith("unix:")) {
      context.addIssue({
        code: "custom",
        path: ["socketMode"],
        message: 'only a Unix socket has a mode: "unix:path"',
      });
    }
    if (one.redirect !== undefined && one.tls !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["redirect"],
        message: "this listener speaks HTTPS itself; put the redirect on the one for plain HTTP",
      });
    }
  });

export const listenSchema = z
  .array(
    z.union([z.int().min(1).max(65_535), z.string().min(1), listener], {
      error: 'Use a port from 1 to 65535, "host:port", "unix:path" or { address, tls, protocol }',
    }),
  )
  .min(1)
  .default([8080])
  .meta({
    description:
      'Where the edge listens, 8080 unless said otherwise: a port (on every IPv4 interface; "[::]:8080" for IPv6 as well), "host:port", "unix:path", or an object.',
    examples: [
      [8080, "127.0.0.1:9000", "unix:run/edge.sock"],
      [
        { address: 80, redirect: "https" },
        { address: 443, tls: { cert: "tls/site.crt", key: "tls/site.key" } },
      ],
      [{ address: "unix:/run/shop/uwsgi.sock", protocol: "uwsgi", socketMode: "0660" }],
    ],
  });
