/**
 * stackd: decides everything, holds nothing. It may be killed at any time; the keeper starts a
 * successor, which finds in the keeper's welcome what runs and what was decided, and goes on.
 */
import { type Logger, reportOf } from "@stack/base";
import { resolveStatePaths } from "@stack/control";
import { readStartTime } from "@stack/process";
import { userOf } from "../../core/environment.ts";
import type { KeeperOptions } from "../../core/keeper-options.ts";
import { readMemory } from "../../core/memory.ts";
import { keepAccessLog } from "./access-log.ts";
import { adoptChildren } from "./adopt.ts";
import { bindListeners } from "./bind-listeners.ts";
import { type Clients, createClients } from "./clients.ts";
import { serveControl, serveEdges } from "./control-server.ts";
import { checkReach, prepareEdge } from "./edge-places.ts";
import { openKeeperLink } from "./keeper-link.ts";
import { loadConfig, receiveConfig } from "./load-config.ts";
import { endOrphaned } from "./orphaned.ts";
import { createSignalDesk } from "./signals.ts";
import { createStack, type Stack } from "./stack.ts";
import { killServices, stopStack } from "./stop-stack.ts";

/** How long the owner of a stack may be away: its first connection, and after a death of stackd. */
const ownerMs = 10_000;
const controlDescriptor = 3;
/** Between two attempts to replace a degraded edge. */
const edgeRenewalMs = 2_000;

/** Resolves when all is down. */
export async function runStackd(
  options: KeeperOptions,
  env: Readonly<Record<string, string>>,
  log: Logger,
): Promise<void> {
  const { welcome, keeper, listen } = await openKeeperLink();
  const keeperIdentity = {
    pid: welcome.keeperPid,
    startTime: readStartTime(welcome.keeperPid) ?? 0,
  };
  const paths = resolveStatePaths(options.config, options.state);
  const setup = { options, paths, env, keeper, welcome, log };
  const memory = readMemory(welcome.memory);
  let stack: Stack;
  try {
    const config =
      memory?.config ??
      (options.evaluated === true ? await receiveConfig(keeper) : null) ??
      (await loadConfig(options.config, paths.state, env));
    stack = createStack(setup, config, memory);
    const choices = { port: options.port, freePorts: options.freePorts === true };
    stack.listeners = await bindListeners(keeper, config, choices, paths, welcome.listeners);
    if (memory === undefined) await checkReach(config, paths, options.edge);
    prepareEdge(config, paths);
  } catch (error) {
    log.error(`cannot start: ${(error as Error).message}`);
    keeper.started(reportOf(error)); // the keeper ends us
    return;
  }
  const over = Promise.withResolvers<void>();
  let ownerTimer: NodeJS.Timeout | undefined;
  let ending: Promise<void> | undefined;
  let isOrphaned = false;

  function down(now: boolean): Promise<void> {
    if (now && ending !== undefined) {
      killServices(stack);
      void stack.edges.stop(true);
    }
    ending ??= stopStack(stack, now);
    return ending;
  }

  function finish(): void {
    keeper.finish();
    over.resolve();
  }

  function downAndFinish(reason: string, now: boolean): void {
    stack.note("info", "stackd", reason);
    down(now).then(finish, (error: Error) => {
      log.error(`the end did not go as it should: ${error.message}`);
      finish(); // the keeper kills what is left
    });
  }

  function expectOwner(): void {
    clearTimeout(ownerTimer);
    ownerTimer = setTimeout(() => downAndFinish("its owner did not come", false), ownerMs);
  }

  const clients = createClients(stack, {
    down,
    finish,
    onOwner(present, disowned) {
      clearTimeout(ownerTimer);
      stack.owned = present;
      stack.failures.review();
      stack.remember();
      if (!present && !disowned) downAndFinish("its owner is gone", false);
    },
  });
  stack.onChange = clients.changed;
  stack.onEvent = clients.event;
  stack.onSignal = createSignalDesk(stack, clients.exclusively);
  stack.onEdgeDegraded = () => renewEdge(stack, clients, stack.edges.generation());

  const { user } = stack.config.edge;
  keeper.edgeUser(userOf(user).user);
  const edgeServer = serveEdges(paths.edgeControl, user, {
    onEdge: stack.edges.attach,
    onError: log.error,
  });
  keepAccessLog(() => stack.config.edge, log);
  adoptChildren(stack);
  listen({
    onExit: stack.childExited,
    onTerminate: (now) => downAndFinish("the keeper was told to end", now),
    onLost() {
      if (isOrphaned || ending !== undefined) return;
      isOrphaned = true;
      endOrphaned(stack, keeperIdentity).then(over.resolve, over.resolve);
    },
  });
  const server = serveControl(controlDescriptor, {
    onClient: clients.attach,
    onArbiter(peer, hello) {
      const instance = stack.services.get(`${hello.app}-${hello.instance}`)?.instance;
      if (instance === undefined || instance === null) peer.destroy();
      else instance.attach(peer, hello);
    },
    onError: log.error,
  });
  if (stack.owned) expectOwner();
  keeper.started(null);
  stack.remember();
  if (memory === undefined) {
    stack.note("info", "stackd", `starting ${stack.config.name}`);
    stack
      .until(
        () => stack.isReady() || undefined,
        24 * 3_600_000,
        () => new Error("never ready"),
      )
      .then(
        () => {
          if (stack.phase === "starting") stack.phase = "running";
          stack.note("info", "stackd", "all is ready");
        },
        () => {},
      );
  } else {
    stack.note("warn", "stackd", `took over from a stackd that ended (${welcome.restarts})`);
  }
  stack.startWaiting();
  await over.promise;
  server.close();
  edgeServer.close();
}

/** Replaces a degraded edge as soon as no other change is under way, until one is new. */
function renewEdge(stack: Stack, clients: Clients, generation: number): void {
  clients
    .exclusively("renewal of the edge", () => stack.edges.replace())
    .catch((error: Error) => {
      stack.setup.log.warn(`the edge stays degraded: ${error.message}`);
      const again = (): void => {
        const isNew = stack.edges.current()?.generation !== generation;
        if (!isNew && stack.phase !== "stopping") renewEdge(stack, clients, generation);
      };
      setTimeout(again, edgeRenewalMs);
    });
}
