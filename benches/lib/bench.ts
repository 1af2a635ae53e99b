/** What a case is given: a folder, how long to measure, and an owner for everything it starts. */
import type { Section } from "./section.ts";

export interface Bench {
  /** The case's own, removed after it. */
  readonly folder: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  /** Ends it when the case is over, whatever happens; last started, first ended. */
  readonly use: <T extends AsyncDisposable>(resource: T) => T;
  readonly log: (line: string) => void;
}

export interface BenchCase {
  /** For `--only`. */
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Section>;
}
