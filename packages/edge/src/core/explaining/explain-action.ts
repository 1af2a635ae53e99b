/** Who answers a request of a route, in words. */
import type { RoutePlan, TargetPlan } from "@stack/config";
import type { RequestHead } from "@stack/protocols";
import { templatePattern } from "../routing/path-matcher.ts";
import { createRedirectTarget } from "../routing/redirect-target.ts";
import type { TemplatePlace } from "../routing/template.ts";
import { decideStaticName, isScript } from "../static/static-path.ts";

export interface ExplainedAction {
  readonly kind: RoutePlan["action"]["kind"] | "none" | "refused";
  readonly text: string;
  readonly app?: string;
  readonly upstream?: string;
  readonly location?: string;
  readonly file?: string;
}

export function explainAction(route: RoutePlan, head: RequestHead): ExplainedAction {
  const { files } = route;
  const explained = explainAnswer(route, head);
  const mayBeFile = head.method === "GET" || head.method === "HEAD";
  if (files === undefined || !mayBeFile || isScript(head.path)) return explained;
  const file = fileOf(route, files.root, head);
  return file === undefined
    ? explained
    : { ...explained, text: `file ${file} if there is one, else ${explained.text}` };
}

function explainAnswer(route: RoutePlan, head: RequestHead): ExplainedAction {
  const { action } = route;
  if (route.internal === true) {
    return { kind: action.kind, text: "answered 404: this route is internal" };
  }
  switch (action.kind) {
    case "app":
      return { kind: "app", app: action.app, text: `app ${action.app}` };
    case "upstream":
      return { kind: "upstream", upstream: action.upstream, text: `upstream ${action.upstream}` };
    case "static": {
      const file = fileOf(route, action.root, head);
      return file === undefined
        ? { kind: "static", text: "answered 404: no file can have this name" }
        : { kind: "static", file, text: `file ${file}` };
    }
    case "respond":
      return { kind: "respond", text: `fixed answer ${action.status}` };
    case "redirect": {
      const location = createRedirectTarget(action.to, placeOf(route))(head);
      return { kind: "redirect", location, text: `redirect ${action.status} to ${location}` };
    }
    case "split": {
      const total = action.choices.reduce((sum, { weight }) => sum + weight, 0);
      const shares = action.choices.map(
        ({ target, weight }) => `${nameOf(target)} ${percent(weight / total)}`,
      );
      const sticky = action.sticky === null ? "" : `, kept by cookie ${action.sticky.cookie}`;
      return { kind: "split", text: `split: ${shares.join(", ")}${sticky}` };
    }
    default:
      return { kind: "none", text: "this route is not understood" };
  }
}

function fileOf(route: RoutePlan, root: string, head: RequestHead): string | undefined {
  const name = decideStaticName(head.path, placeOf(route).prefixLength);
  if (name === undefined) return undefined;
  return `${root}/${name.relative}${name.isFolder ? "/" : ""}`.replace(/\/+/g, "/");
}

/** What templates know of a route. */
export function placeOf(route: RoutePlan): TemplatePlace {
  const { pattern, path } = route;
  const prefixLength = path.endsWith("/") ? path.length - 1 : path.length;
  return {
    prefixLength: route.match === "prefix" ? prefixLength : 0,
    pattern: pattern === undefined ? null : templatePattern(pattern.source),
  };
}

export function nameOf({ kind, name }: TargetPlan): string {
  return `${kind} ${name}`;
}

export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))} %`;
}
