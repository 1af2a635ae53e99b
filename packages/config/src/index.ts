export type { CachePlan, RouteCachePlan } from "./cache-plan.ts";
export {
  type AppChange,
  type ConfigChanges,
  diffConfigs,
  type EntryChange,
} from "./core/diff.ts";
export { placeOf } from "./core/place-of.ts";
export { type ConfigExport, type ConfigInput, defineConfig } from "./define-config.ts";
export {
  configInvalid,
  configMissing,
  configNotExported,
  configSyntax,
  configThrew,
  redisServerMissing,
} from "./errors.ts";
export { configReference } from "./io/config-reference.ts";
export { findConfig } from "./io/find-config.ts";
export { loaderEntry } from "./io/loader-entry.ts";
export type { ListenerPlan, ListenerProtocol, TlsPlan } from "./listener-plan.ts";
export {
  type LoaderDocument,
  type LoaderEnd,
  loaderDeadlineMs,
  readLoaderOutput,
} from "./loader-document.ts";
export type {
  AccessLogPlan,
  AdminPlan,
  AppPlan,
  BasicAuthPlan,
  CanaryPlan,
  CompressionPlan,
  CorsPlan,
  EdgeAppPlan,
  EdgePlan,
  EdgeSettings,
  ElasticPlan,
  Encoding,
  ForwardAuthPlan,
  HeaderChanges,
  PathPattern,
  ProgramPlan,
  ProtectionPlan,
  RecyclePlan,
  RedisPlan,
  RequestKeyPlan,
  ResolvedConfig,
  RouteAction,
  RouteConditions,
  RoutePlan,
  SecurityPreset,
  SmokeCheck,
  StaticSettings,
  TargetPlan,
  UserPlan,
} from "./plans.ts";
export type {
  UpstreamBalance,
  UpstreamHealth,
  UpstreamPlan,
  UpstreamServerPlan,
} from "./upstream-plan.ts";
