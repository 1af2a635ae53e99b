export { formatKeeperArguments, type KeeperOptions } from "./core/keeper-options.ts";
export { keeperEntry } from "./entries.ts";
export { type KeeperIdentity, readLock } from "./io/keeper/lock.ts";
export { type StartedKeeper, startKeeper } from "./io/start-keeper.ts";
