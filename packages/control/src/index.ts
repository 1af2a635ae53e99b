export type {
  CacheAnswer,
  CacheListing,
  CacheOrder,
  CachePurgeNote,
  CachePurgeTarget,
  CacheRouteStats,
  CacheStats,
} from "./core/cache-messages.ts";
export {
  type CacheCounts,
  cacheResults,
  countCacheResults,
  describePurgeTarget,
  withBothSchemes,
} from "./core/cache-summary.ts";
export type {
  ClientReply,
  ClientRequest,
  ClientRequestMessage,
  MaintenanceChange,
  ServerPush,
} from "./core/client-messages.ts";
export { edgeFolder } from "./core/edge-folder.ts";
export { createLineDecoder, encodeLine, type LineDecoder, maxLineBytes } from "./core/lines.ts";
export { formatMark, parseMark } from "./core/log-mark.ts";
export {
  type ArbiterSignal,
  type ArbiterToEdge,
  type ArbiterToStackd,
  arbiterSignals,
  type ChildExit,
  type ChildRecord,
  canaryName,
  controlVersion,
  type EdgeAppMetrics,
  type EdgeMetrics,
  type EdgeToArbiter,
  type EdgeToStackd,
  type EdgeUpstreamMetrics,
  type GoneAnswer,
  type Hello,
  type InstanceState,
  type InstanceWorker,
  type KeeperToStackd,
  type ListenerRecord,
  type Maintenance,
  type RequestFacts,
  type SpawnRequest,
  type SpokenProtocol,
  type StackdToArbiter,
  type StackdToEdge,
  type StackdToKeeper,
  type WorkerLoad,
  type WorkerRecord,
} from "./core/peer-messages.ts";
export { type ServiceState, serviceStates, stateShapes } from "./core/states.ts";
export type {
  AppStatus,
  CanarySideStatus,
  CanaryStatus,
  CanaryVerdictStatus,
  EdgeStatus,
  LastExit,
  LatencyMs,
  ProcessKind,
  ProcessStatus,
  RunningRequest,
  StackEvent,
  StatusData,
  WorkerStatus,
} from "./core/status.ts";
export { type ControlClient, openControlClient } from "./io/client.ts";
export { type LinePeer, openLinePeer, peerOf } from "./io/line-peer.ts";
export { openReconnectingPeer, type ReconnectingPeer } from "./io/reconnect.ts";
export { resolveStatePaths, type StatePaths } from "./io/state-paths.ts";
