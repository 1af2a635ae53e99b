/** The bottom of the screen: the keys that apply now, in at most two lines. */
import { type Line, line, span, widthOf } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import { isSmall, type Screen } from "./screen.ts";

type KeyHint = readonly [key: string, what: string];

export function serviceKeys(state: DashboardState, screen: Screen): readonly Line[] {
  const move = screen.capabilities.unicode ? "↑↓" : "j/k";
  if (isSmall(screen)) {
    return [
      hints(
        [
          ["Enter", "open"],
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
        ["Enter", "open"],
        ["r", "reload"],
        ["R", "restart"],
        ["s", "stop"],
        ["S", "start"],
        ["+ -", "scale"],
      ],
      screen,
    ),
    hints(
      [["4", "cache"], ["5", "logs"], ["l", "its logs"], ["?", "help"], quitHint(state)],
      screen,
    ),
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
    backKeys(state, screen, ["4", "cache"]),
  ];
}

export function detailKeys(state: DashboardState, screen: Screen): readonly Line[] {
  const move = screen.capabilities.unicode ? "↑↓" : "j/k";
  const first = hints(
    [
      [move, "move"],
      ["Enter", "show more or less"],
      ["l", "its logs"],
      ["r", "reload"],
      ["R", "restart"],
    ],
    screen,
  );
  if (isSmall(screen)) return [first];
  return [first, backKeys(state, screen, ["4", "cache"])];
}

export function cacheKeys(state: DashboardState, screen: Screen): readonly Line[] {
  const move = screen.capabilities.unicode ? "↑↓" : "j/k";
  if (isSmall(screen)) {
    return [
      hints(
        [
          [move, "scroll"],
          ["p", "purge"],
          ["Esc", "back"],
        ],
        screen,
      ),
    ];
  }
  return [
    hints(
      [
        [move, "scroll"],
        ["p", "purge (asks what)"],
      ],
      screen,
    ),
    backKeys(state, screen, ["5", "logs"]),
  ];
}

function backKeys(state: DashboardState, screen: Screen, other: KeyHint): Line {
  return hints([["Esc", "back"], ["1", "services"], other, ["?", "help"], quitHint(state)], screen);
}

function quitHint(state: DashboardState): KeyHint {
  return ["q", state.owner ? "leave or stop" : "quit (services keep running)"];
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
