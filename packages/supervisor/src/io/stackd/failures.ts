/**
 * What keeps the newest code of an app from serving, for the browser of whoever is writing it. Only
 * under `stack up --watch`, and only while that command owns the stack: in production no edge ever
 * hears of it.
 */
import type { ErrorReport } from "@stack/base";

export interface Failures {
  /** A reload failed; null: because of the config, so that it concerns every app. */
  readonly set: (app: string | null, error: ErrorReport) => void;
  readonly clear: (app: string | null) => void;
  /** Why the last reload of this app failed; null when it did not. */
  readonly of: (app: string) => ErrorReport | null;
  /** By app, what its developer is to be shown. */
  readonly shown: () => Readonly<Record<string, ErrorReport>>;
  /** Something has changed: have the edge told where it concerns it. */
  readonly review: () => void;
}

export interface FailuresContext {
  readonly isWatched: () => boolean;
  readonly apps: () => readonly string[];
  /** Of an app that does not serve at all: why. */
  readonly startError: (app: string) => ErrorReport | null;
  readonly tell: () => void;
}

export function createFailures(context: FailuresContext): Failures {
  const failed = new Map<string | null, ErrorReport>();
  let told = "{}";

  function of(app: string): ErrorReport | null {
    return failed.get(null) ?? failed.get(app) ?? null;
  }

  function shown(): Readonly<Record<string, ErrorReport>> {
    if (!context.isWatched()) return {};
    const all = context.apps().flatMap((app) => {
      const error = of(app) ?? context.startError(app);
      return error === null ? [] : [[app, error] as const];
    });
    return Object.fromEntries(all);
  }

  return {
    set: (app, error) => void failed.set(app, error),
    clear: (app) => void failed.delete(app),
    of,
    shown,
    review() {
      const now = JSON.stringify(shown());
      if (now === told) return;
      told = now;
      context.tell();
    },
  };
}
