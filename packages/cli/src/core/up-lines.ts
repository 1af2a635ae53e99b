/** What `up` prints while things get ready: one line per service, when it is. */
import type { ResolvedConfig, RoutePlan } from "@stack/config";
import type { StatusData } from "@stack/control";

const timeColumn = 74;

export interface ReadyLine {
  readonly name: string;
  readonly text: string;
}

/** `✓ shop        4/4 workers ready                                          1.9s` */
export function formatReadyLine(
  row: ReadyLine,
  tookMs: number,
  sign: string,
  unicode: boolean,
): string {
  const left = `${row.name.padEnd(11)} ${unicode ? row.text : row.text.replace("…", "...")}`;
  const took = `${(tookMs / 1000).toFixed(1)}s`;
  return `${sign} ${left.padEnd(timeColumn - 3)} ${took}`;
}

/** The services that are ready and were not yet announced, in the order of the status. */
export function newlyReady(
  status: StatusData,
  config: ResolvedConfig,
  announced: ReadonlySet<string>,
): readonly ReadyLine[] {
  const lines: ReadyLine[] = [];
  for (const process of status.processes) {
    if (process.state !== "ready" || announced.has(process.name)) continue;
    if (process.kind === "redis" || process.kind === "program") {
      lines.push({ name: process.name, text: `ready  pid ${process.pid ?? "-"}` });
    }
  }
  for (const app of status.apps) {
    if (app.state !== "ready" || announced.has(app.name)) continue;
    const health = config.apps[app.name]?.health ?? null;
    const check = health === null ? "" : `  GET ${health} answers`;
    lines.push({ name: app.name, text: `${app.ready}/${app.desired} workers ready${check}` });
  }
  const edge = status.processes.find(({ kind, state }) => kind === "edge" && state === "ready");
  if (edge !== undefined && !announced.has("edge")) {
    lines.push({ name: "edge", text: edgeText(status, config) });
  }
  return lines;
}

/** `http://127.0.0.1:8080  ->  / shop, /api api, /static files`, as much as fits. */
function edgeText(status: StatusData, config: ResolvedConfig): string {
  const urls = status.edge?.urls.join(" ") ?? "";
  const routes = config.edge.plan.routes.map(routeText);
  let shown = "";
  for (const route of routes) {
    const next = shown === "" ? route : `${shown}, ${route}`;
    if (urls.length + next.length > 52) return shown === "" ? urls : `${urls}  ->  ${shown}, …`;
    shown = next;
  }
  return shown === "" ? urls : `${urls}  ->  ${shown}`;
}

function routeText(route: RoutePlan): string {
  const { action } = route;
  const path = route.pattern?.written ?? route.path;
  switch (action.kind) {
    case "app":
      return `${path} ${action.app}`;
    case "upstream":
      return `${path} ${action.upstream}`;
    case "static":
      return `${path} files`;
    case "respond":
      return `${path} ${action.status}`;
    case "redirect":
      return `${path} redirect`;
    case "split":
      return `${path} split`;
  }
}

/** "4 services, 6 processes" is known before anything runs: apps, programs, the edge and redis. */
export function countServices(config: ResolvedConfig): string {
  const apps = Object.values(config.apps);
  const programs = Object.keys(config.programs).length;
  const redis = config.redis.kind === "managed" ? 1 : 0;
  const services = apps.length + programs + redis + 1;
  const workers = apps.reduce(
    (sum, app) => sum + app.instances * (app.kind === "command" ? 1 : app.workers),
    0,
  );
  return `${services} ${services === 1 ? "service" : "services"}, ${workers} ${workers === 1 ? "worker" : "workers"}`;
}
