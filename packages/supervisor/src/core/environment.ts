/** The environment of apps and programs. */
import type { AppPlan, ProgramPlan, ResolvedConfig, UserPlan } from "@stack/config";
import type { SpawnRequest } from "@stack/control";
import { edgeFolder } from "@stack/control";

/** Set by `bin/stack.js` for our own processes. */
const ourCodeCache = "/.stack-code-cache";

type Environment = Readonly<Record<string, string>>;

/**
 * Where the stack's redis is. For the managed one a `unix://` address, which redis-py and ioredis
 * read as it is; undefined when there is none.
 */
export function redisUrl(config: RedisConfig, runFolder: string): string | undefined {
  const { redis } = config;
  switch (redis.kind) {
    case "none":
      return undefined;
    case "url":
      return redis.url;
    case "managed":
      return `unix://${redisSocket(config, runFolder)}`;
  }
}

export type RedisConfig = Pick<ResolvedConfig, "redis" | "edge">;

/** Of the managed one: in the folder of who it runs as. */
export function redisSocket({ edge }: Pick<RedisConfig, "edge">, runFolder: string): string {
  return `${edge.user === undefined ? runFolder : edgeFolder(runFolder)}/redis.sock`;
}

/** The operator's environment, then ours, then what the config says for this service. */
export function serviceEnvironment(
  base: Environment,
  redis: string | undefined,
  own: Environment,
): Record<string, string> {
  const { NODE_COMPILE_CACHE: codeCache = ourCodeCache, ...inherited } = base;
  return {
    ...inherited,
    ...(codeCache.endsWith(ourCodeCache) ? {} : { NODE_COMPILE_CACHE: codeCache }),
    ...(redis === undefined ? {} : { REDIS_URL: redis }),
    ...own,
  };
}

/** An app's plan as its arbiters get it. */
export function completePlan(plan: AppPlan, base: Environment, redis: string | undefined): AppPlan {
  const own = { STACK_APP: plan.name, ...homeOf(plan.user), ...plan.env };
  // Without it Express and others show their stack traces to clients.
  const above = plan.kind === "node" ? { NODE_ENV: "production", ...base } : base;
  const env = serviceEnvironment(above, redis, own);
  return plan.envFiles === undefined ? { ...plan, env } : { ...plan, env, envOver: own };
}

export function programEnvironment(
  plan: ProgramPlan,
  base: Environment,
  redis: string | undefined,
): Record<string, string> {
  return serviceEnvironment(base, redis, { ...homeOf(plan.user), ...plan.env });
}

/** What runs as somebody else is at home where they are. */
export function homeOf(user: UserPlan | undefined): Environment {
  return user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
}

/** As the keeper is told. */
export function userOf(user: UserPlan | undefined): Pick<SpawnRequest, "user"> {
  return user === undefined ? {} : { user: { uid: user.uid, gid: user.gid } };
}
