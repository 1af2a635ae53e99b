/** Has the keeper bind what `edge.listen` asks for, and explains it when that fails. */
import { formatAddress, type SocketAddress } from "@stack/base";
import type { ListenerPlan, ResolvedConfig } from "@stack/config";
import type { ListenerRecord, SpokenProtocol, StatePaths } from "@stack/control";
import { explainListen } from "@stack/process";
import type { KeeperLink } from "./keeper-link.ts";

export interface ListenChoices {
  /** In place of the first TCP port. */
  readonly port: number | undefined;
  readonly freePorts: boolean;
}

interface Wanted {
  readonly name: string;
  readonly address: SocketAddress;
  readonly configPath: string;
  readonly mode: number | undefined;
  readonly spoken: SpokenProtocol;
}

/**
 * Binds every listener of the config that is not bound yet; all or none.
 *
 * @param bound what the keeper has
 * @returns the listeners of the config, in its order
 * Throws E2001, E2002 or E2005 with the place in the config.
 */
export async function bindListeners(
  keeper: KeeperLink,
  config: ResolvedConfig,
  choices: ListenChoices,
  paths: StatePaths,
  bound: readonly ListenerRecord[],
): Promise<ListenerRecord[]> {
  const known = new Set(bound.map((listener) => listener.name));
  const records: ListenerRecord[] = [];
  for (const wanted of wantedListeners(config, choices, paths)) {
    try {
      records.push(await keeper.bind(toBind(wanted)));
    } catch (error) {
      for (const { name } of records) if (!known.has(name)) await keeper.unbind(name);
      const place = config.places[wanted.configPath];
      throw explainListen(error as NodeJS.ErrnoException, wanted.address, place);
    }
  }
  return records;
}

/** Named by address: a listener that only moved in the list stays bound. */
function wantedListeners(
  config: ResolvedConfig,
  choices: ListenChoices,
  paths: StatePaths,
): Wanted[] {
  let portToReplace = choices.port;
  return config.edge.listeners.map(({ name: configPath, address, socketMode: mode }, index) => {
    const spoken = spokenOn(config.edge.plan.listeners?.[index]);
    if (choices.freePorts) {
      const free = freed(address, index, paths);
      return { name: configPath, address: free, configPath, mode, spoken };
    }
    if (address.kind === "tcp" && portToReplace !== undefined) {
      const replaced = { ...address, port: portToReplace };
      portToReplace = undefined;
      return { name: formatAddress(replaced), address: replaced, configPath, mode, spoken };
    }
    return { name: formatAddress(address), address, configPath, mode, spoken };
  });
}

function toBind({ name, address, mode, spoken }: Wanted) {
  return { name, address, mode, spoken };
}

function spokenOn(plan: ListenerPlan | undefined): SpokenProtocol {
  if (plan === undefined) return "http";
  return plan.tls === null ? plan.protocol : "tls";
}

function freed(address: SocketAddress, index: number, paths: StatePaths): SocketAddress {
  return address.kind === "tcp"
    ? { kind: "tcp", host: "127.0.0.1", port: 0 }
    : { kind: "unix", path: `${paths.run}/listen-${index}.sock` };
}
