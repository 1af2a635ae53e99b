export { type ExposedSample, readExposition } from "./check-exposition.ts";
export { freePort } from "./free-port.ts";
export {
  type Load,
  type LoadFailure,
  type LoadOptions,
  type LoadResult,
  startLoad,
} from "./load.ts";
export { type Peer, startPeer } from "./peer.ts";
export {
  isAlive,
  processesMentioning,
  type RunningProcess,
  signalIfAlive,
} from "./processes.ts";
export { exchangeRaw } from "./raw-http.ts";
export { shopStatus, shopStatusMs } from "./shop-status.ts";
export { type TempFolder, tempFolder } from "./temp-folder.ts";
export { eventually, nextEvent } from "./wait.ts";
