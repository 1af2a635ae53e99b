export { formatAddress, parseAddress, type SocketAddress } from "./address.ts";
export {
  assertNever,
  type ConfigPlace,
  defineError,
  type ErrorFactory,
  type ErrorReport,
  type ErrorText,
  type ExitCode,
  errorFromReport,
  exitCodes,
  internalError,
  reportOf,
  StackError,
} from "./errors.ts";
export {
  createExposition,
  type Exposition,
  expositionType,
  type Histogram,
  type Labels,
  type Samples,
} from "./exposition.ts";
export { hashKey, type KeyHash } from "./keyed-hash.ts";
export { createLogger, type Logger } from "./logger.ts";
export { programFile } from "./program-file.ts";
export { type PythonTarget, parsePythonTarget, pythonTargetPattern } from "./python-target.ts";
export { type Rotation, rotateFile } from "./rotate-file.ts";
export { formatBytes, formatDuration, parseBytes, parseDuration } from "./units.ts";
export { version } from "./version.ts";
export { watchFiles } from "./watch-files.ts";
