export type {
  AppPlan,
  EdgeAppPlan,
  EdgePlan,
  EdgeSettings,
  ProgramPlan,
  RedisPlan,
  ResolvedConfig,
  RouteAction,
  RoutePlan,
  SmokeCheck,
} from "./plans.ts";
export { type ConfigInput, configSchema } from "./schema/config.ts";
