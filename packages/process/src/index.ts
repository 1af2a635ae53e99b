export { type BackoffPolicy, decideBackoff, defaultBackoff } from "./core/backoff.ts";
export { cleanEnvironment } from "./core/environment.ts";
export { describeExit } from "./core/exit-reason.ts";
export {
  type Effect,
  type ExitStatus,
  type ProcessEvent,
  type ProcessState,
  type RestartPolicy,
  type Step,
  step,
} from "./core/lifecycle.ts";
export {
  belongsTo,
  formatLogLine,
  type LogLine,
  mergeLogLines,
  parseLogLine,
} from "./core/log-line.ts";
export { createLineSplitter, type LineSplitter, maxLogLine } from "./core/split-lines.ts";
export { serviceStateOf } from "./core/state-name.ts";
export {
  cannotImport,
  cannotStart,
  edgeShutOut,
  pythonMissing,
  pythonTooOld,
  pythonUnusable,
} from "./errors.ts";
export { setBatchPolicy } from "./io/batch-policy.ts";
export { explainListen } from "./io/explain-listen.ts";
export { type ClosedPath, findClosed } from "./io/find-closed.ts";
export { findByEnvironment } from "./io/find-processes.ts";
export { followLogs } from "./io/follow-logs.ts";
export { captureOutput } from "./io/log-capture.ts";
export { createLogWriter, type LogWriter, type LogWriterOptions } from "./io/log-writer.ts";
export { makeFolder } from "./io/make-folder.ts";
export {
  isRunning,
  type ProcessFacts,
  readCpuTicks,
  readFamily,
  readMemoryBytes,
  readProcessFacts,
  readProcessState,
  readResidentBytes,
  readStartedAtMs,
  readStartTime,
} from "./io/process-facts.ts";
export { readEnvFiles } from "./io/read-env-files.ts";
export { type ReadLogsOptions, readLogs } from "./io/read-logs.ts";
export { createLifecycle, type Lifecycle, type LifecycleHands } from "./io/run-lifecycle.ts";
export { type RunOptions, type RunResult, runToEnd } from "./io/run-to-end.ts";
export { type ChildSpec, type SpawnedChild, signalGroup, spawnChild } from "./io/spawn-child.ts";
export { createProcessSampler, type ProcessSampler, type ProcessUse } from "./io/statistics.ts";
