/** Which views there are, and which is shown. */
import { type Line, type Span, span, spread } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import type { Screen } from "./screen.ts";

const views = [
  { key: "1", view: "services", title: "Services" },
  { key: "4", view: "cache", title: "Cache" },
  { key: "5", view: "logs", title: "Logs" },
] as const;

export function tabs(state: DashboardState, screen: Screen): Line {
  const left = views.flatMap(({ key, view, title }): Span[] => {
    const current = state.view === view || (view === "services" && state.view === "detail");
    return [
      span(current ? `[${key} ${title}]` : ` ${key} ${title} `, current ? "bold" : "muted"),
      span(" "),
    ];
  });
  return spread(left, [span("? help ", "muted")], screen.columns);
}
