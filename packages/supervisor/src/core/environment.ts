/** The environment of apps and programs. */
import type { AppPlan, ProgramPlan, RedisPlan, UserPlan } from "@stack/config";

/** Set by `bin/stack.js` for our own processes. */
const ourCodeCache = "/.stack-code-cache";

type Environment = Readonly<Record<string, string>>;

/**
 * Where the stack's redis is. For the managed one a `unix://` address, which redis-py and ioredis
 * read as it is; undefined when there is none.
 */
export function redisUrl(redis: RedisPlan, runFolder: string): string | undefined {
  switch (redis.kind) {
    case "none":
      return undefined;
    case "url":
      return redis.url;
    case "managed":
      return `unix://${runFolder}/redis.sock`;
  }
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
function homeOf(user: UserPlan | undefined): Environment {
  return user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name };
}
