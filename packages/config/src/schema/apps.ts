/** `apps`, `programs`, `redis` and `smoke` in deploy.config.ts. */
import { pythonTargetPattern } from "@stack/base";
import { z } from "zod";
import { account, bytes, durationMs } from "./scalars.ts";
import { recycling, workers } from "./worker-life.ts";

const env = z.record(z.string(), z.string()).default({}).meta({
  description:
    "Environment variables, on top of stack's own environment; an app of kind node has NODE_ENV=production unless either says otherwise.",
});

const command = z.array(z.string().min(1)).min(1);

const common = {
  cwd: z.string().default(".").meta({ description: "Working folder, relative to the config." }),
  env,
  envFile: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .meta({
      description:
        "Files with further variables, one NAME=value a line, as .env files are written; read at every start and reload of the app. Later files win over earlier ones, `env` over all.",
      examples: [".env"],
    }),
  user: account.optional().meta({
    description:
      "Who the app runs as, by name or number: its interpreter is started as that user. For a stack that root has started.",
    examples: ["www-data"],
  }),
  group: account.optional().meta({
    description: "Its group, by name or number; without it the user's own. It has no other groups.",
  }),
  umask: z
    .string()
    .regex(/^0?[0-7]{3}$/, 'Use three octal digits, "027"')
    .optional()
    .meta({
      description: "What files the app makes are not open to; without it the stack's own.",
      examples: ["027"],
    }),
  instances: z.int().min(1).max(256).default(1).meta({
    description: "Independent app servers of this app; a reload replaces them one by one.",
  }),
  health: z
    .string()
    .startsWith("/")
    .optional()
    .meta({
      description:
        "Path a worker must answer with 200 to 399 before it gets traffic, and at intervals.",
      examples: ["/healthz"],
    }),
  timeout: durationMs.prefault("30s").meta({
    description:
      "How long a request may take before the client gets 504 and the worker is replaced.",
  }),
  bootTimeout: durationMs
    .prefault("30s")
    .meta({ description: "How long a worker may take to become ready." }),
  drainTimeout: durationMs.prefault("30s").meta({
    description: "How long running requests may take when a worker is stopped.",
  }),
  release: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description:
        "Commands that prepare what the new code needs: run one after the other, once for all instances, at `up` and before a reload of the app; in its cwd and environment, by /bin/sh, `python` being the app's own. If one fails, the new code is not started.",
      examples: [["python manage.py migrate"]],
    }),
  releaseTimeout: durationMs
    .prefault("5m")
    .meta({ description: "How long all of `release` may take; beyond, it has failed." }),
  canary: z
    .strictObject({
      requests: z
        .int()
        .min(1)
        .default(100)
        .meta({ description: "Requests the new code must have had." }),
      time: durationMs.prefault("1m").meta({ description: "How long at least." }),
      deadline: durationMs.prefault("15m").meta({
        description: "If they have not come by then, the new code is taken back.",
      }),
    })
    .prefault({})
    .meta({
      description:
        "What `stack reload --canary` waits for before it decides between the new code and the old.",
    }),
  queue: z
    .strictObject({
      limit: z
        .int()
        .min(0)
        .default(1000)
        .meta({ description: "Requests that may wait for a free worker; beyond: 503." }),
      timeout: durationMs
        .prefault("30s")
        .meta({ description: "How long one may wait; beyond: 503." }),
    })
    .prefault({})
    .meta({
      description: "Requests that wait while every worker is busy, in the order they came.",
    }),
  ...recycling,
};

const python = {
  workers,
  python: z.string().optional().meta({
    description: "The Python to use; without it .venv/bin/python, venv/bin/python, python3.",
  }),
  pythonPath: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description: "Folders to import from, after `cwd`; relative to the config.",
      examples: [["lib"]],
    }),
  hooks: z
    .string()
    .min(1)
    .optional()
    .meta({
      description:
        "A Python file in `cwd` with any of the functions on_boot, post_fork, worker_exit, pre_request and post_request.",
      examples: ["hooks.py"],
    }),
  preload: z.boolean().default(true).meta({
    description:
      "Import the app once before the workers are forked: less memory, faster start. Workers of kind gevent and eventlet import it after the fork in any case.",
  }),
  middleware: z
    .array(z.string().regex(/^[\w.]+:[\w.]+$/, 'Give "module:callable", for each'))
    .default([])
    .meta({
      description:
        'What wraps the application, outermost first: each "module:callable" is called with the app (or the next middleware) and gives the app to serve.',
      examples: [["shop.middleware:Timing"]],
    }),
};

/** The callable of an app; "()" calls it once, as a factory, with literals in them as arguments. */
const target = z
  .string()
  .regex(
    pythonTargetPattern,
    'Give "module:callable", for example "shop.wsgi:application", or a file by its path: "./site.wsgi"',
  );
const whereTheAppIs =
  'Where the application is: "module:callable", or "module:factory()" for a function that makes it; its arguments may be literals: "shop:create_app(debug=False)". Or a file, relative to `cwd`: "conf/site.wsgi", "app.py:callable"; without a callable it is `application` or `app`.';

const wsgiApp = z
  .strictObject({
    kind: z.literal("wsgi").meta({ description: "A Python WSGI application." }),
    ...common,
    app: target.meta({
      description: whereTheAppIs,
      examples: ["shop.wsgi:application", "conf/site.wsgi"],
    }),
    ...python,
    worker: z.enum(["sync", "gevent", "eventlet"]).default("sync").meta({
      description:
        '"gevent" and "eventlet" patch the standard library before the app is imported, and serve `concurrency` requests at once; the library must be installed for the app\'s Python.',
    }),
    threads: z.int().min(1).max(256).default(1).meta({
      description: "Requests a sync worker serves at once, each on a thread of its own.",
    }),
    concurrency: z.int().min(1).max(1024).optional().meta({
      description:
        "Requests a gevent or eventlet worker takes at once, 100 if not said; more wait in the queue.",
    }),
  })
  .superRefine((app, context) => {
    const refuse = (key: string, message: string): void => {
      context.addIssue({ code: "custom", path: [key], message });
    };
    if (app.worker !== "sync" && app.threads > 1) {
      refuse("threads", `a ${app.worker} worker has no threads; remove it, or use concurrency`);
    }
    if (app.worker === "sync" && app.concurrency !== undefined) {
      refuse("concurrency", 'is for worker "gevent" and "eventlet"; use threads');
    }
  });

const asgiApp = z.strictObject({
  kind: z.literal("asgi").meta({
    description: "A Python ASGI application: HTTP, WebSocket, lifespan. On uvloop where installed.",
  }),
  ...common,
  app: target.meta({
    description: whereTheAppIs,
    examples: ["chat:app"],
  }),
  ...python,
  concurrency: z.int().min(1).max(1024).default(1000).meta({
    description:
      "Requests and WebSockets a worker takes at once; more requests wait in the queue, where another worker may take them.",
  }),
});

const nodeApp = z.strictObject({
  kind: z.literal("node").meta({
    description: "A Node module that exports a handler, or a script that listens by itself.",
  }),
  ...common,
  entry: z
    .string()
    .min(1)
    .meta({
      description:
        "A module (ESM, CommonJS or TypeScript) whose default export is a (req, res) handler, an Express, Koa or Fastify app or an object with fetch, or a script that calls `listen` itself, on whatever port: it gets the worker's socket. An export `upgrade` of (req, socket, head) takes WebSockets.",
      examples: ["server.mjs"],
    }),
  args: z
    .array(z.string())
    .default([])
    .meta({
      description:
        "Arguments for a script that is a command, as those in node_modules/.bin; what it finds after itself in process.argv.",
      examples: [["start"]],
    }),
  workers,
});

const commandApp = z.strictObject({
  kind: z
    .literal("command")
    .meta({ description: "Any HTTP server; it listens on the PORT it is given." }),
  ...common,
  command: command.meta({
    description:
      "Program and arguments. `{port}` in them is the PORT it is given, `{socket}` the path of a Unix socket to listen on instead.",
    examples: [
      ["node", "server.js"],
      ["./wiki", "--listen", "127.0.0.1:{port}"],
    ],
  }),
  ready: z
    .strictObject({
      log: z
        .string()
        .min(1)
        .max(1000)
        .meta({
          description: "A text in a line of its output.",
          examples: ["accepting connections"],
        }),
    })
    .optional()
    .meta({
      description:
        "What it must have said before it counts as ready, besides accepting connections and, with `health`, answering.",
    }),
});

export const appSchema = z.discriminatedUnion("kind", [wsgiApp, asgiApp, nodeApp, commandApp]);

export const programSchema = z.strictObject({
  command: command.meta({
    description: "Program and arguments.",
    examples: [["python3", "-m", "jobs"]],
  }),
  cwd: z.string().default(".").meta({ description: "Working folder, relative to the config." }),
  env,
  user: account.optional().meta({
    description: "Who it runs as, by name or number. For a stack that root has started.",
    examples: ["www-data"],
  }),
  group: account.optional().meta({
    description: "Its group, by name or number; without it the user's own. It has no other groups.",
  }),
  restart: z.enum(["always", "on-failure", "never"]).default("always").meta({
    description: "Whether to start it again when it ends.",
  }),
  dependsOn: z
    .record(z.string(), z.literal("ready"))
    .default({})
    .meta({
      description: "What must be ready before it starts: redis, an app or another program.",
      examples: [{ redis: "ready" }],
    }),
});

const leastRedisBytes = 2 * 1024 * 1024;
const mostRedisBytes = 1024 * 1024 * 1024 * 1024;

export const redisSchema = z
  .union(
    [
      z.enum(["auto", "managed"]),
      z.literal(false),
      z.strictObject({
        memory: bytes
          .refine((value) => value >= leastRedisBytes && value <= mostRedisBytes, {
            error: "Use 2mb at least and 1024gb at most",
          })
          .meta({
            description:
              "A managed redis-server that may keep so much (its maxmemory); of the managed one it is 64mb if not said.",
            examples: ["256mb"],
          }),
      }),
      z.strictObject({
        url: z
          .string()
          .regex(
            /^(rediss?(\+(sentinel|cluster))?|unix):\/\/./,
            'Write it as "redis://host:6379/0"',
          )
          .meta({
            description:
              "redis://, rediss:// (TLS) or unix:// address; with +sentinel or +cluster, several hosts.",
            examples: [
              "redis://127.0.0.1:6379/0",
              "redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/shop/0",
            ],
          }),
      }),
    ],
    { error: 'Use "auto", "managed", false, { memory: "256mb" } or { url: "redis://…" }' },
  )
  .default("auto")
  .meta({
    description:
      '"auto": REDIS_URL if set, else a managed redis-server if one is installed, else none. "managed": a redis-server of our own.',
  });

export const smokeCheckSchema = z.strictObject({
  get: z
    .string()
    .startsWith("/")
    .meta({ description: "Path to request.", examples: ["/"] }),
  host: z.string().optional().meta({ description: "Host header, for routes with `host`." }),
  expect: z
    .strictObject({
      status: z
        .int()
        .min(100)
        .max(599)
        .default(200)
        .meta({ description: "Status the answer must have." }),
      contains: z.string().optional().meta({ description: "Text the body must contain." }),
    })
    .prefault({})
    .meta({ description: "What the answer must be." }),
});
