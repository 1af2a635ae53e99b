/**
 * What the keeper remembers for stackd's successor. A stackd of another version that cannot read it
 * starts from the config file instead.
 */
import type { ResolvedConfig } from "@stack/config";
import type { Maintenance, StackEvent } from "@stack/control";
import type { ExitHistory } from "./exit-history.ts";
import type { Overrides } from "./services.ts";

export interface Memory {
  readonly version: 1;
  readonly config: ResolvedConfig;
  readonly overrides: Overrides;
  readonly maintenance?: Maintenance | null;
  /** Successful reloads, the first start included: the release is "r" and this. */
  readonly releases: number;
  /** The last edge generation given out. */
  readonly edgeGeneration: number;
  /** The edge that serves; others that live are draining. */
  readonly edge: string | null;
  readonly restarts: Readonly<Record<string, number>>;
  readonly exits: ExitHistory;
  readonly events: readonly StackEvent[];
  /** Somebody's connection keeps the stack alive. */
  readonly owned: boolean;
}

export function readMemory(value: unknown): Memory | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return "version" in value && value.version === 1 ? (value as Memory) : undefined;
}
