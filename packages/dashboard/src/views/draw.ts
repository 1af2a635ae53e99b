/** The whole screen of a state, as rows of text: at most one less than the terminal has. */
import { assertNever } from "@stack/base";
import type { Line } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import { paintLine } from "../core/theme.ts";
import { cacheView } from "./cache.ts";
import { detailView } from "./detail.ts";
import { withDialog } from "./dialogs.ts";
import { logsView } from "./logs.ts";
import { type Screen, usableRows } from "./screen.ts";
import { servicesView } from "./services.ts";

export function draw(state: DashboardState, screen: Screen): readonly string[] {
  return withDialog(state, viewOf(state, screen), screen)
    .slice(0, usableRows(screen))
    .map((row) => paintLine(row, screen.columns, screen.capabilities));
}

function viewOf(state: DashboardState, screen: Screen): readonly Line[] {
  switch (state.view) {
    case "services":
      return servicesView(state, screen);
    case "detail":
      return detailView(state, screen);
    case "cache":
      return cacheView(state, screen);
    case "logs":
      return logsView(state, screen);
    default:
      return assertNever(state.view);
  }
}
