/**
 * `edge` in deploy.config.ts. The schema is the single source of the type, the
 * default, the validation and the reference page.
 */
import { z } from "zod";
import { adminSchema } from "./admin.ts";
import { clientLimits } from "./client-limits.ts";
import { compressionSchema } from "./compression.ts";
import { listenSchema } from "./listen.ts";
import { accessLogFields, accessLogFormat } from "./placeholders.ts";
import { protectionKeys } from "./protection.ts";
import { routeCacheSchema } from "./routing/cache.ts";
import { checkRoute } from "./routing/check-route.ts";
import { routeConditions } from "./routing/conditions.ts";
import { headerKeys } from "./routing/headers.ts";
import { routeHost, routePath } from "./routing/path.ts";
import { errorPages, trafficKeys } from "./routing/traffic.ts";
import { account, bytes, durationMs } from "./scalars.ts";
import { staticSchema } from "./static.ts";
import { tracingKeys } from "./tracing.ts";
import { upgradeSchema } from "./upgrade.ts";

const routeMatch = { host: routeHost, path: routePath, ...routeConditions };

const routeSchema = z
  .strictObject({
    ...routeMatch,
    static: staticSchema.optional().meta({
      description:
        "Serve files. With `app`, `upstream` or `split` beside it: GET and HEAD of a file that is there get the file, all else goes to the app; scripts (.php) are never such a file.",
    }),
    app: z.string().optional().meta({ description: "Name of an entry in `apps`." }),
    upstream: z.string().optional().meta({ description: "Name of an entry in `upstreams`." }),
    respond: z
      .strictObject({
        status: z.int().min(200).max(599).default(200).meta({ description: "Status code." }),
        body: z
          .string()
          .default("")
          .meta({ description: "Body, as plain text unless `type` is set." }),
        type: z
          .string()
          .default("text/plain; charset=utf-8")
          .meta({ description: "Content-Type." }),
      })
      .optional()
      .meta({ description: "A fixed answer." }),
    redirect: z
      .strictObject({
        to: z
          .string()
          .min(1)
          .meta({
            description:
              "Target; `{path}`, `{rest}` (what `*` stood for), `{query}` (with its `?`), `{host}` and of a RegExp path `{1}` or `{name}` are replaced.",
            examples: ["https://example.com{path}"],
          }),
        status: z
          .literal([301, 302, 303, 307, 308])
          .default(308)
          .meta({ description: "Status code." }),
      })
      .optional()
      .meta({ description: "Send the client elsewhere." }),
    stripPrefix: z.boolean().default(false).meta({
      description: "Take the route's prefix off the path before the app or upstream sees it.",
    }),
    upgrade: upgradeSchema,
    internal: z.boolean().default(false).meta({
      description:
        "Only for files: no client reaches them by the path, only an app or upstream whose answer says `X-Accel-Redirect: PATH` or `X-Sendfile: FILE`.",
    }),
    compression: z.literal(false).optional().meta({
      description:
        "`false`: answers of this route are not compressed, whatever `edge.compression` says.",
    }),
    cache: routeCacheSchema,
    ...protectionKeys,
    ...headerKeys,
    ...trafficKeys,
  })
  .superRefine(checkRoute)
  .superRefine((route, context) => {
    const actions = (["static", "app", "upstream", "split", "respond", "redirect"] as const).filter(
      (name) => route[name] !== undefined,
    );
    const [first, second] = actions;
    // Files first, then whoever makes what is no file.
    const isPair = first === "static" && /^(?:app|upstream|split)$/.test(second ?? "");
    if (actions.length !== (isPair ? 2 : 1)) {
      context.addIssue({
        code: "custom",
        message:
          actions.length === 0
            ? "Say what answers here: one of static, app, upstream, split, respond, redirect"
            : `Only one of these can answer: ${actions.join(", ")}`,
      });
    }
    if (
      route.stripPrefix &&
      route.app === undefined &&
      route.upstream === undefined &&
      route.split === undefined
    ) {
      context.addIssue({
        code: "custom",
        path: ["stripPrefix"],
        message: "only an app or an upstream has a path to strip; remove it",
      });
    }
    if (route.stripPrefix && typeof route.path !== "string") {
      context.addIssue({
        code: "custom",
        path: ["stripPrefix"],
        message: 'a RegExp has no prefix to strip; use `rewrite: "/{1}"`',
      });
    }
    if (Array.isArray(route.upgrade) && route.app === undefined && route.upstream === undefined) {
      context.addIssue({
        code: "custom",
        path: ["upgrade"],
        message: "only an app or an upstream can take an upgrade; remove it",
      });
    }
    if (route.internal && route.static === undefined) {
      context.addIssue({
        code: "custom",
        path: ["internal"],
        message: "only files can be internal; remove it",
      });
    } else if (route.internal && typeof route.path !== "string") {
      context.addIssue({
        code: "custom",
        path: ["path"],
        message: 'an internal route is named by its path; use "/x/*"',
      });
    }
  });

export const edgeSchema = z.strictObject({
  listen: listenSchema,
  threads: z
    .union([z.int().min(1).max(64), z.literal("auto")], {
      error: 'Use "auto" or a whole number from 1 to 64',
    })
    .default("auto")
    .meta({ description: '"auto" is one per core, at most 4.' }),
  user: account.optional().meta({
    description:
      "Who the edge runs as, by name or number, in a stack that root has started; its fall-back and a managed redis as well. A port below 1024 needs no more than that: the keeper binds it.",
    examples: ["www-data"],
  }),
  group: account.optional().meta({
    description:
      "Its group, by name or number; without it the user's own. It has no other groups; the sockets of the apps' workers are open to it.",
  }),
  trustedProxies: z
    .array(z.string())
    .default([])
    .meta({
      description:
        'Addresses (CIDR) of proxies in front whose X-Forwarded-* headers are believed; "unix:" for those that come by a Unix socket.',
      examples: [["10.0.0.0/8"]],
    }),
  limits: z
    .strictObject({
      headerBytes: bytes.prefault("32kb").meta({
        description:
          "Request line and headers together; beyond: 431. The target in the request line may have at most 8 KB; beyond: 414.",
      }),
      headerCount: z
        .int()
        .min(1)
        .max(1000)
        .default(100)
        .meta({ description: "Header lines; beyond: 431." }),
      bodyBytes: bytes.prefault("10mb").meta({ description: "Request body; beyond: 413." }),
      bufferBytes: bytes.prefault("1mb").meta({
        description:
          "How much of one request or answer is kept in memory so that a slow client holds no worker.",
      }),
      connections: z
        .int()
        .min(1)
        .default(10_000)
        .meta({ description: "Client connections at once, over all threads." }),
      ...clientLimits,
    })
    .prefault({})
    .meta({ description: "How much a client may send, and how much is kept for it." }),
  timeouts: z
    .strictObject({
      header: durationMs.prefault("10s").meta({
        description: "From the first byte of a request to the end of its headers; beyond: 408.",
      }),
      body: durationMs
        .prefault("30s")
        .meta({ description: "Between two pieces of a request body; beyond: 408." }),
      idle: durationMs
        .prefault("60s")
        .meta({ description: "Between two requests on a connection." }),
      connect: durationMs
        .prefault("2s")
        .meta({ description: "To connect to an upstream; beyond: 502." }),
      firstByte: durationMs.prefault("60s").meta({
        description: "From the request to the first byte of an upstream's answer; beyond: 504.",
      }),
      tunnel: durationMs.prefault("10m").meta({
        description:
          "How long an upgraded connection (WebSocket) may carry no byte in either direction.",
      }),
    })
    .prefault({})
    .meta({ description: "How long each step of a request may take." }),
  accessLog: z
    .union(
      [
        z.literal(false),
        z.strictObject({
          file: z
            .string()
            .default("access.log")
            .meta({ description: "Below .stack/logs, or an absolute path." }),
          format: z
            .string()
            .superRefine(accessLogFormat)
            .default("json")
            .meta({
              description: `"json", "combined" or a template of ${accessLogFields.map((field) => `{${field}}`).join(" ")}`,
              examples: ["{client} {method} {path} {status} {duration}"],
            }),
          timings: z.boolean().default(false).meta({
            description:
              'For "json": also write connectMs, firstByteMs and the release of the app. A template has them when it names them.',
          }),
          rotate: z
            .strictObject({
              size: bytes
                .prefault("100mb")
                .meta({ description: "Size at which a new file begins." }),
              keep: z
                .int()
                .min(0)
                .max(1000)
                .default(5)
                .meta({ description: "How many old files are kept, as `.1`, `.2` …" }),
            })
            .optional()
            .meta({
              description:
                "Begin a new file by size. Without it the file is yours to rotate: one that was moved away is opened anew.",
              examples: [{ size: "100mb", keep: 5 }],
            }),
        }),
      ],
      { error: 'Use false, or { file: "access.log", format: "json" }' },
    )
    .prefault({})
    .meta({ description: "One line per request; `false` writes none." }),
  compression: compressionSchema,
  errorPages,
  admin: adminSchema,
  ...tracingKeys,
  routes: z.array(routeSchema).default([]).meta({
    description: "What answers which request; the most specific route wins, whatever the order.",
  }),
});
