/** The bottom of the screen: the keys that apply now, in at most two lines. */
import { type Line, line, span, widthOf } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import { isSmall, type Screen } from "./screen.ts";

type KeyHint = readonly [key: string, what: string];

export function serviceKeys(state: DashboardState, screen: Screen): readonly Line[] {
  const move = screen.capabilities.unicode ? "↑↓" : "j/k";
  const quit: KeyHint = ["q", state.owner ? "leave or stop" : "quit (services keep running)"];
  if (isSmall(screen)) {
    return [
      hints(
        [
          ["r", "reload"],
          ["5", "logs"],
          ["?", "help"],
          ["q", "quit"],
        ],
        screen,
      ),
    ];
  }
  return [
    hints(
      [
        [move, "move"],
        ["Enter", "fold"],
        ["r", "reload"],
        ["R", "restart"],
        ["s", "stop"],
        ["S", "start"],
        ["+ -", "scale"],
      ],
      screen,
    ),
    hints([["5", "logs"], ["l", "its logs"], ["?", "help"], quit], screen),
  ];
}

export function logKeys(state: DashboardState, screen: Screen): readonly Line[] {
  const move = screen.capabilities.unicode ? "↑↓" : "j/k";
  if (isSmall(screen)) {
    return [
      hints(
        [
          ["/", "filter"],
          ["G", "follow"],
          ["Esc", "back"],
        ],
        screen,
      ),
    ];
  }
  const quit: KeyHint = ["q", state.owner ? "leave or stop" : "quit (services keep running)"];
  return [
    hints(
      [
        [move, "scroll"],
        ["PgUp PgDn", "page"],
        ["/", "filter (!word: without)"],
        ["f", "follow"],
        ["G", "end"],
      ],
      screen,
    ),
    hints([["Esc", "back"], ["1", "services"], ["?", "help"], quit], screen),
  ];
}

/** As many as fit, whole. */
function hints(keys: readonly KeyHint[], screen: Screen): Line {
  const spans = [];
  for (const [key, what] of keys) {
    const pair = [span(` ${key}`, "bold"), span(` ${what} `, "muted")];
    if (widthOf([...spans, ...pair]) > screen.columns) break;
    spans.push(...pair);
  }
  return line(...spans);
}
