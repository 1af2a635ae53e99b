/**
 * X-Accel-Redirect and X-Sendfile: the app decides who may have a file, the edge sends it. The app's
 * own body is dropped as it comes; when its answer is complete, and its worker free, the file is
 * the answer.
 */
import { realpathSync } from "node:fs";
import type { RoutePlan } from "@stack/config";
import {
  findByFile,
  findByPath,
  type InternalRoute,
  type InternalTarget,
  keptFields,
} from "../../core/internal/internal-target.ts";
import type { Backend, Exchange } from "../exchange.ts";
import type { StaticBackend } from "../static/static-files.ts";

export interface InternalFiles {
  /** Stands between a route and its backend: hides the internal, lets the others send their files. */
  readonly wrap: (route: RoutePlan, index: number, backend: Backend | StaticBackend) => Backend;
}

/** Undefined where no route is internal: orders are dropped unread then. */
export function createInternalFiles(plans: readonly RoutePlan[]): InternalFiles | undefined {
  const routes = internalRoutes(plans);
  if (routes.length === 0) return undefined;
  const files = new Map<number, StaticBackend>();
  return {
    wrap(route, index, backend) {
      if (route.internal === true) {
        if ("send" in backend) files.set(index, backend);
        return hiddenBackend;
      }
      const { kind } = route.action;
      const mayOrder = kind === "app" || kind === "upstream" || kind === "split";
      return mayOrder ? obeyOrders(backend, routes, files) : backend;
    },
  };
}

/** For the routes that no client reaches. */
const hiddenBackend: Backend = {
  wantsBody: false,
  handle: (exchange) => exchange.fail(404, "no route answers this address"),
  retire: () => {},
};

/** @param files by the index of the route */
function obeyOrders(
  inner: Backend,
  routes: readonly InternalRoute[],
  files: ReadonlyMap<number, StaticBackend>,
): Backend {
  function obey(this: Exchange, orders: string): void {
    const find = readOrders(orders);
    if (find !== undefined) takeOver(this, find);
  }
  const takeOver = (exchange: Exchange, find: Find): void => {
    const { begin, write, end, fail } = exchange;
    const state = exchange as { begun: boolean };
    let fields = "";
    const giveBack = (): void => {
      state.begun = false;
      Object.assign(exchange, { begin, write, end, fail });
    };
    exchange.begin = (_status, _reason, lines) => {
      state.begun = true;
      fields = lines;
    };
    exchange.write = () => true;
    exchange.fail = (status, reason, retryAfterS) => {
      giveBack();
      exchange.fail(status, reason, retryAfterS);
    };
    exchange.end = () => {
      if (exchange.done) return;
      giveBack();
      exchange.owner = undefined;
      // Who answered has to be done with the exchange before somebody else begins.
      process.nextTick(() => {
        if (!exchange.done) send(exchange, find, fields);
      });
    };
  };
  const send = (exchange: Exchange, find: Find, fields: string): void => {
    const target = find(routes, exchange.head.host);
    const backend = target === undefined ? undefined : files.get(target.index);
    if (target === undefined || backend === undefined) {
      exchange.fail(502, "the application named a file that it may not send");
    } else {
      exchange.neverSpilled = true;
      backend.send(exchange, target.name, keptFields(fields));
    }
  };
  return {
    wantsBody: inner.wantsBody,
    handle(exchange) {
      exchange.obey = obey;
      inner.handle(exchange);
    },
    retire: inner.retire,
  };
}

function internalRoutes(routes: readonly RoutePlan[]): readonly InternalRoute[] {
  return routes.flatMap(({ internal, action, host, path, match }, index) => {
    if (internal !== true || action.kind !== "static" || match === "pattern") return [];
    const roots = [...new Set([action.root, realPath(action.root)])];
    return [{ host, path, isPrefix: match === "prefix", roots, index }];
  });
}

type Find = (routes: readonly InternalRoute[], host: string) => InternalTarget | undefined;

function readOrders(orders: string): Find | undefined {
  const path = orderIn(orders, /^x-accel-redirect:(.*)$/im);
  if (path !== undefined) return (routes, host) => findByPath(routes, host, path);
  const file = orderIn(orders, /^x-sendfile:(.*)$/im);
  return file === undefined ? undefined : (routes) => findByFile(routes, file);
}

function orderIn(orders: string, pattern: RegExp): string | undefined {
  const value = pattern.exec(orders)?.[1]?.trim() ?? "";
  return value === "" ? undefined : value;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // it may come later
  }
}
