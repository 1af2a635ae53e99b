/** `upstreams` in deploy.config.ts: servers that something else runs. */
import { isIP } from "node:net";
import { parseAddress } from "@stack/base";
import { z } from "zod";
import { durationMs } from "./scalars.ts";

const token = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'Use letters, digits, "_" and "-"');

const scriptName = z.string().regex(/^[^/.][^/]*\.php$/, 'Use a file name, like "index.php"');

const weight = z
  .int()
  .min(1)
  .max(1000)
  .default(1)
  .meta({ description: "Its share of the requests, beside the weights of the others." });

const maxInFlight = z.int().min(1).max(1_000_000);

const serverSchema = z.union(
  [
    z.string().min(1),
    z.strictObject({
      address: z.string().min(1).meta({ description: '"host:port" or "unix:path".' }),
      weight,
      backup: z.boolean().default(false).meta({
        description: "Asked only while most of the others cannot be.",
      }),
      maxInFlight: maxInFlight.optional().meta({
        description: "Requests it gets at once, over all threads; more wait in the queue.",
      }),
    }),
  ],
  { error: 'Use "host:port", "unix:path" or { address: "host:port", weight: 2 }' },
);

const balanceSchema = z.union(
  [
    z.enum(["least-busy", "round-robin", "two-choices", "address-hash"]),
    z.strictObject({
      hash: z
        .union(
          [
            z.literal("uri"),
            z.strictObject({
              header: token.meta({ description: "Name of a request header." }),
            }),
            z.strictObject({ cookie: token.meta({ description: "Name of a cookie." }) }),
          ],
          { error: 'Use "uri", { header: "X-User" } or { cookie: "sid" }' },
        )
        .meta({
          description:
            "Equal requests go to the same server; when servers come or go, as few as can be move.",
        }),
    }),
  ],
  {
    error:
      'Use "least-busy", "round-robin", "two-choices", "address-hash" or { hash: "uri" }, { hash: { header: "X-User" } }, { hash: { cookie: "sid" } }',
  },
);

const stickySchema = z.strictObject({
  cookie: token.default("stack_server").meta({ description: "Name of the cookie." }),
  secret: z
    .string()
    .regex(
      /^.{16,}$/,
      "Use at least 16 characters, the same on every machine and after every restart",
    )
    .meta({
      description:
        "Signs the cookie, so that nobody can choose a server; from the environment, as a rule.",
      examples: ["process.env.STICKY_SECRET"],
    }),
  maxAge: durationMs.optional().meta({
    description: "How long browsers keep it; without it until they are closed.",
  }),
});

const healthSchema = z.union(
  [
    z.string().regex(/^\/[!-~]*$/, 'Use a path, like "/ping"'),
    z.strictObject({
      path: z
        .string()
        .regex(/^\/[!-~]*$/, 'Use a path, like "/ping"')
        .meta({ description: "Asked for with GET, over the upstream's own protocol." }),
      host: z
        .string()
        .regex(/^[^\s/]+$/, "Write the name alone")
        .default("localhost")
        .meta({ description: "The Host it is asked for." }),
      interval: durationMs.prefault("5s").meta({ description: "Between two checks." }),
      timeout: durationMs.prefault("2s").meta({ description: "For a whole answer." }),
      status: z
        .union([
          z.int().min(200).max(599),
          z.tuple([z.int().min(200).max(599), z.int().min(200).max(599)]),
        ])
        .default([200, 399])
        .meta({ description: "The status, or the first and the last of those that are good." }),
      contains: z.string().min(1).optional().meta({
        description: "What the first 64 kb of the answer's body must contain.",
      }),
      rise: z.int().min(1).default(2).meta({
        description: "Good checks in a row until a server that was down is asked again.",
      }),
      fall: z.int().min(1).default(3).meta({
        description: "Bad checks in a row until it is not asked any more.",
      }),
    }),
  ],
  { error: 'Use "/ping" or { path: "/ping", interval: "5s" }' },
);

const ejectSchema = z.union(
  [
    z.literal(false),
    z.strictObject({
      failures: z.int().min(1).default(3).meta({
        description:
          "Requests in a row that could not connect, lost their connection or got no answer in time.",
      }),
      time: durationMs.prefault("5s").meta({ description: "For the first time." }),
      maxTime: durationMs.prefault("60s").meta({
        description: "Each time in a row is twice as long, up to this.",
      }),
    }),
  ],
  { error: 'Use false, or { failures: 3, time: "5s", maxTime: "60s" }' },
);

export const upstreamSchema = z
  .strictObject({
    protocol: z
      .enum(["http", "uwsgi", "fastcgi", "scgi"])
      .default("http")
      .meta({ description: "How the servers are spoken to." }),
    servers: z
      .array(serverSchema)
      .min(1)
      .meta({
        description:
          '"host:port" or "unix:path". A name is asked for again and again: each of its addresses is a server.',
        examples: [["127.0.0.1:3000", "unix:/run/old.sock"]],
      }),
    balance: balanceSchema.default("least-busy").meta({
      description:
        'Which server gets a request: the one with the fewest for its weight, each in turn, the better of two at random, always the same for a client\'s address, or by a consistent hash of the "uri", a header or a cookie.',
      examples: ["round-robin"],
    }),
    sticky: stickySchema.optional().meta({
      description:
        "A signed cookie brings a client back to the server of its first request, as long as that can be asked.",
    }),
    slowStart: durationMs.prefault("0s").meta({
      description: "A server that comes (back) gets its full share only after this time.",
    }),
    maxInFlight: maxInFlight.optional().meta({
      description:
        "Requests each server gets at once, over all threads; more wait, in the order they came.",
    }),
    queue: z
      .strictObject({
        limit: z
          .int()
          .min(0)
          .default(1000)
          .meta({ description: "Requests that may wait; beyond: 503." }),
        timeout: durationMs
          .prefault("30s")
          .meta({ description: "How long one may wait; beyond: 503." }),
      })
      .prefault({})
      .meta({ description: "Requests that wait while every server is at its `maxInFlight`." }),
    health: healthSchema.optional().meta({
      description:
        "Every server is asked for this path at intervals, once per edge; one that fails gets no requests. Checks that find all of them down are not believed.",
      examples: ["/ping"],
    }),
    eject: ejectSchema.prefault({}).meta({
      description:
        "A server that fails requests in a row is not asked for a while. When that would be more than half of them, all are.",
    }),
    retries: z
      .strictObject({
        share: z.number().min(0).max(1).default(0.2).meta({
          description: "Of the requests, as many may be repeated.",
        }),
        perSecond: z.number().min(0).default(3).meta({
          description: "And so many per second besides, per thread.",
        }),
      })
      .prefault({})
      .meta({
        description:
          "Safe requests whose server closed the connection are repeated once, within this budget. A server that cannot be reached is passed over in any case.",
      }),
    resolver: z
      .array(z.string().refine(isNameServer, 'Use an address, like "10.0.0.2" or "10.0.0.2:5353"'))
      .min(1)
      .optional()
      .meta({
        description: "Name servers, by address; without it those of the system.",
        examples: [["127.0.0.53", "10.0.0.2:5353"]],
      }),
    proxyProtocol: z.literal([1, 2]).optional().meta({
      description:
        "Tells the servers each client's address by the PROXY protocol; connections are then not kept.",
    }),
    keepAlive: durationMs.optional().meta({
      description:
        'How long a connection is kept for the next request; "0s" for not at all. 60s for HTTP. FastCGI servers are not kept unless it is said, because php-fpm has no more connections than children: a kept one keeps its child from everybody else. uwsgi and SCGI know no kept connections.',
      examples: ["1s"],
    }),
    reuse: z.enum(["safe", "always"]).default("safe").meta({
      description:
        'Which requests go over a connection that was used before. "safe": those that may be repeated; any other gets a connection of its own, as the server may have closed the kept one unseen. "always": all, as with nginx, if it has answered within the last half second; what is lost with it is a 502.',
    }),
    root: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          "FastCGI: the folder of the scripts. A path means the script it begins with; what follows is PATH_INFO. Without it the whole path is.",
        examples: ["/srv/php"],
      }),
    index: scriptName
      .optional()
      .meta({ description: 'FastCGI with `root`: the script a folder stands for; "index.php".' }),
    frontController: scriptName.optional().meta({
      description:
        "FastCGI with `root`: the script below it that gets every path which names no script, as most PHP frameworks want it.",
      examples: ["index.php"],
    }),
    params: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "Use letters, digits and _"), z.string())
      .optional()
      .meta({ description: "More variables for uwsgi, FastCGI and SCGI servers." }),
  })
  .superRefine((upstream, context) => {
    const refuse = (key: string, message: string): void => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    const { protocol } = upstream;
    if (upstream.root !== undefined && protocol !== "fastcgi") {
      refuse("root", `only protocol "fastcgi" has scripts; remove it`);
    }
    for (const key of ["index", "frontController"] as const) {
      if (upstream[key] !== undefined && upstream.root === undefined) {
        refuse(key, "it is looked for below `root`: give that too");
      }
    }
    if (upstream.keepAlive !== undefined && (protocol === "uwsgi" || protocol === "scgi")) {
      refuse("keepAlive", `protocol "${protocol}" has one request per connection; remove it`);
    }
    const { keepAlive, proxyProtocol } = upstream;
    const isKept = keepAlive === undefined ? protocol === "http" : keepAlive > 0;
    if (upstream.reuse === "always" && (!isKept || proxyProtocol !== undefined)) {
      refuse("reuse", "no connection is kept here; remove it");
    }
    if (upstream.params !== undefined && protocol === "http") {
      refuse("params", 'only "uwsgi", "fastcgi" and "scgi" have variables; remove it');
    }
    if (typeof upstream.balance === "object" && upstream.sticky !== undefined) {
      refuse("sticky", "`balance` by a hash finds the same server already; remove one of both");
    }
    const { servers } = upstream;
    if (servers.every((server) => typeof server === "object" && server.backup)) {
      refuse("servers", "all of them are backups: of what?");
    }
  });

/** "10.0.0.2", "::1", "10.0.0.2:5353", "[::1]:5353" */
function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const address = parseAddress(text);
  return address?.kind === "tcp" && isIP(address.host) !== 0 && text.includes(":");
}
