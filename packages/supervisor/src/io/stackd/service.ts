/**
 * One supervised child of the keeper: the lifecycle of `@stack/process` with the keeper's hands.
 * What kind of service it is, how it becomes ready and how it is asked to stop is in its spec.
 */
import type { ChildExit, ChildRecord, LastExit, SpawnRequest } from "@stack/control";
import {
  createLifecycle,
  describeExit,
  type ProcessEvent,
  type ProcessState,
  type RestartPolicy,
} from "@stack/process";
import type { KeeperLink } from "./keeper-link.ts";

export interface ServiceSpec {
  readonly policy: RestartPolicy;
  /** Asked anew at each start. */
  readonly request: () => SpawnRequest;
  /** In place of SIGTERM; false when it cannot be asked so. */
  readonly askToStop?: () => boolean;
  /** It was spawned, or found running. */
  readonly onChild?: (child: ChildRecord) => void;
}

export interface ServiceHooks {
  readonly onState: (state: ProcessState, before: ProcessState) => void;
  readonly onExit: (exit: LastExit) => void;
  /** It is started again after an exit nobody asked for. */
  readonly onRestart: () => void;
}

export interface Service extends Disposable {
  readonly state: () => ProcessState;
  readonly dispatch: (event: ProcessEvent) => void;
  /** Null while nothing runs. */
  readonly child: () => ChildRecord | null;
  readonly adopt: (child: ChildRecord, ready: boolean) => void;
  /** Whether this exit was its own. */
  readonly exited: (exit: ChildExit) => boolean;
  /** Why the next exit happens: "restart", "reload", "scale". */
  readonly expect: (reason: string) => void;
}

export function createService(keeper: KeeperLink, spec: ServiceSpec, hooks: ServiceHooks): Service {
  let child: ChildRecord | null = null;
  let spawning: Promise<void> = Promise.resolve();
  let expected: string | null = null;

  const lifecycle = createLifecycle(spec.policy, {
    spawn() {
      spawning = spawn();
    },
    signal(signal) {
      if (signal === "SIGTERM" && spec.askToStop?.() === true) return;
      // A child that is being spawned cannot be signalled yet.
      void spawning.then(() => {
        if (child !== null) keeper.signal(child.name, signal).catch(() => {}); // the keeper is gone
      });
    },
    changed(state, before) {
      if (state.name === "starting" && (before.name === "backoff" || before.name === "failed")) {
        hooks.onRestart();
      }
      hooks.onState(state, before);
    },
  });

  async function spawn(): Promise<void> {
    expected = null;
    try {
      child = await keeper.spawn(spec.request());
      lifecycle.dispatch({ type: "spawned" });
      spec.onChild?.(child);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EKEEPER") return;
      hooks.onExit({
        code: null,
        signal: null,
        at: new Date().toISOString(),
        reason: `cannot be started: ${message}`,
      });
      lifecycle.dispatch({ type: "exited", status: { code: 127, signal: null } });
    }
  }

  return {
    state: lifecycle.state,
    dispatch: lifecycle.dispatch,
    child: () => child,
    adopt(record, ready) {
      child = record;
      lifecycle.dispatch({ type: "adopt", ready });
      spec.onChild?.(record);
    },
    exited(exit) {
      if (child === null || exit.pid !== child.pid || exit.name !== child.name) return false;
      child = null;
      const asked = lifecycle.state().name === "stopping";
      hooks.onExit(lastExitOf(exit, asked ? (expected ?? "stop") : null));
      lifecycle.dispatch({ type: "exited", status: exit });
      return true;
    },
    expect(reason) {
      expected = reason;
    },
    [Symbol.dispose]: () => lifecycle[Symbol.dispose](),
  };
}

/** The exit as `status` shows it; `asked` is why it was stopped on purpose. */
export function lastExitOf(exit: ChildExit, asked: string | null): LastExit {
  const { code, signal, at, stderr } = exit;
  const how = describeExit(exit);
  return {
    code,
    signal,
    at,
    reason: asked === null ? how : code === 0 ? asked : `${asked} (${how})`,
    ...(stderr.length > 0 && asked === null ? { stderr } : {}),
  };
}
