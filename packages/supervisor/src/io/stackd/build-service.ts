/** Makes the service of a plan: what is started, with which environment, and who hears of it. */
import type { AppPlan, ResolvedConfig } from "@stack/config";
import type { ArbiterSignal, SpawnRequest } from "@stack/control";
import {
  completePlan,
  programEnvironment,
  redisSocket,
  redisUrl,
  userOf,
} from "../../core/environment.ts";
import { lastExitOf } from "../../core/exit-history.ts";
import type { ServicePlan } from "../../core/services.ts";
import { createAppInstance } from "./app-instance.ts";
import type { History } from "./history.ts";
import type { Managed } from "./managed.ts";
import { createPlainService } from "./plain-service.ts";
import { redisCommand } from "./redis.ts";
import type { ReleaseCommands } from "./release-commands.ts";
import type { ServiceHooks } from "./service.ts";
import type { StackSetup } from "./stack.ts";
import { recordWorkerExits } from "./worker-exits.ts";

export interface BuildContext {
  readonly setup: StackSetup;
  readonly history: History;
  readonly config: () => ResolvedConfig;
  /** As `InstanceContext.keepOfCanary`. */
  readonly keepOfCanary: (release: string) => "new" | "old" | null;
  readonly releaseCommands: ReleaseCommands;
  /** Of the generation that is started next. */
  readonly release: () => string;
  /** The state of some service has changed: others may start. */
  readonly onChange: () => void;
  readonly onSignal: (managed: Managed, signal: ArbiterSignal) => void;
}

export function buildService(plan: ServicePlan, context: BuildContext): Managed {
  const { history, onChange } = context;
  const hooks: ServiceHooks = {
    onState(state, before) {
      // An app is ready when its arbiter says so, not when that one runs.
      const isQuiet = plan.kind === "app" && state.name === "running";
      if (!isQuiet) history.describe(plan.name, state, before);
      onChange();
    },
    onExit: (exit) => history.recordExit(plan.name, exit),
    onRestart: () => history.countRestart(plan.name),
  };
  return plan.kind === "app"
    ? buildInstance(plan, context, hooks)
    : buildPlain(plan, context, hooks);
}

/** An app's plan with its whole environment, and where its output goes. */
export function completeApp(app: AppPlan, config: ResolvedConfig, setup: StackSetup): AppPlan {
  const { user } = config.edge;
  const plan = {
    ...completePlan(app, setup.env, redisUrl(config, setup.paths.run)),
    ...(user === undefined ? {} : { edgeGroup: user.gid }),
  };
  return plan.kind === "command" ? { ...plan, logs: setup.paths.logs } : plan;
}

function buildInstance(
  plan: Extract<ServicePlan, { kind: "app" }>,
  {
    setup,
    history,
    config,
    release,
    keepOfCanary,
    releaseCommands,
    onChange,
    onSignal,
  }: BuildContext,
  hooks: ServiceHooks,
): Managed {
  const { options, paths, env, keeper } = setup;
  const managed = createAppInstance(
    plan,
    {
      keeper,
      command: [
        process.execPath,
        options.arbiter,
        ...["--control", paths.control],
        ...["--run", paths.run],
        ...["--app", plan.app.name],
        ...["--instance", String(plan.instance)],
      ],
      env,
      planToRun: () => {
        const newest = managed.plan.kind === "app" ? managed.plan.app : plan.app;
        return completeApp(newest, config(), setup);
      },
      release,
      keepOfCanary,
      onSignal: (signal) => onSignal(managed, signal),
      preparation: () => ({
        phase: releaseCommands.phase(plan.app.name),
        error: releaseCommands.error(plan.app.name),
      }),
      onView(view, before) {
        history.announce(plan.name, view, before);
        recordWorkerExits(keeper, history, view);
        onChange();
      },
    },
    hooks,
  );
  return managed;
}

function buildPlain(
  plan: Exclude<ServicePlan, { kind: "app" }>,
  { setup, history, config }: BuildContext,
  hooks: ServiceHooks,
): Managed {
  const { paths, env, keeper } = setup;

  function request(newest: Exclude<ServicePlan, { kind: "app" }>): SpawnRequest {
    const { user } = config().edge;
    const socket = redisSocket(config(), paths.run);
    const what =
      newest.kind === "redis"
        ? {
            command: redisCommand(newest, { paths, socket, user }),
            cwd: paths.state,
            env,
            ...userOf(user),
          }
        : {
            command: newest.program.command,
            cwd: newest.program.cwd,
            env: programEnvironment(newest.program, env, redisUrl(config(), paths.run)),
            ...userOf(newest.program.user),
          };
    return { name: newest.name, ...what, listeners: [], copies: 0, tag: { kind: newest.kind } };
  }

  return createPlainService(
    plan,
    {
      keeper,
      request,
      redisSocket: redisSocket(config(), paths.run),
      lastExit: (name) => lastExitOf(history.exits(), name),
    },
    hooks,
  );
}
