/** One service: facts, why it fails, its exceptions, its last ends; Enter opens what is under the cursor. */
import { type Detail, type DetailItem, detailOf, placeIndex, placesOf } from "../core/detail.ts";
import { formatClock } from "../core/format.ts";
import { type Line, line, type Span, span } from "../core/line.ts";
import type { DashboardState } from "../core/state.ts";
import { stateShape, stateTone } from "../core/theme.ts";
import { displayWidth } from "../core/width.ts";
import { headerLines } from "./header.ts";
import { detailKeys } from "./keys.ts";
import { isSmall, rule, type Screen, usableRows } from "./screen.ts";
import { tabs } from "./tabs.ts";

const sections = {
  error: "WHY IT FAILS",
  exceptions: "EXCEPTIONS, as far as the log was read",
  exits: "LAST EXITS",
} as const;

export function detailView(state: DashboardState, screen: Screen): readonly Line[] {
  const small = isSmall(screen);
  const detail = detailOf(state);
  const top = [
    ...headerLines(state, screen).slice(0, small ? 1 : 2),
    rule(screen),
    ...(small ? [] : [tabs(state, screen)]),
    ...(detail === null ? [] : factLines(detail, screen)),
  ];
  const footer = [rule(screen), ...detailKeys(state, screen)];
  const space = Math.max(1, usableRows(screen) - top.length - footer.length);
  const body =
    detail === null
      ? [line(span("  It is not there any more. Esc goes back.", "muted"))]
      : itemLines(detail, state, screen, space);
  while (body.length < space) body.push(line(""));
  return [...top, ...body.slice(0, space), ...footer];
}

function factLines(detail: Detail, screen: Screen): readonly Line[] {
  const { capabilities } = screen;
  const title = line(
    span(` ${detail.name}  `, "bold"),
    span(`${stateShape(detail.state, capabilities)} ${detail.state}`, stateTone(detail.state)),
  );
  const canary =
    detail.canary === null ? [] : [line(span(` ${detail.canary.text}`, detail.canary.tone))];
  if (isSmall(screen)) return [title, ...canary];
  return [title, ...flow(detail.facts, screen.columns), ...canary];
}

/** Facts beside each other, as many as fit whole. */
function flow(facts: Detail["facts"], width: number): readonly Line[] {
  const lines: Span[][] = [];
  let left = 0;
  for (const [label, text] of facts) {
    const needs = displayWidth(label) + displayWidth(text) + 4;
    if (needs > left || lines.length === 0) {
      lines.push([]);
      left = width;
    }
    lines.at(-1)?.push(span(` ${label} `, "muted"), span(`${text}  `));
    left -= needs;
  }
  return lines.map((spans) => ({ spans }));
}

/** The lines around the cursor. */
function itemLines(detail: Detail, state: DashboardState, screen: Screen, space: number): Line[] {
  const places = placesOf(detail.items);
  const cursor = places[placeIndex(places, state.detail.at)];
  const lines: Line[] = [];
  let selected = 0;
  let section = "";
  if (detail.items.length === 0) {
    return [
      line(""),
      line(span("  No exceptions in the log, no exits: nothing to tell.", "muted")),
    ];
  }
  for (const item of detail.items) {
    if (item.section !== section) {
      section = item.section;
      lines.push(line(span(` ${sections[item.section]}`, "muted")));
    }
    const isHere = cursor?.item === item.key;
    if (isHere) selected = lines.length + cursor.line;
    lines.push(titleLine(item, screen, isHere && cursor.line === 0));
    if (!item.open) continue;
    for (const [index, text] of item.lines.entries()) {
      lines.push(textLine(text, screen, isHere && cursor.line === index + 1));
    }
  }
  const start = Math.min(
    // The heading above the first item is seen with it.
    Math.max(0, selected - Math.floor(space / 2)),
    Math.max(0, lines.length - space),
  );
  const shown = lines.slice(start, start + space);
  const hidden = lines.length - start - space;
  if (hidden > 0) {
    const dots = screen.capabilities.unicode ? "…" : "...";
    shown[shown.length - 1] = line(span(`  ${dots} ${hidden + 1} more lines`, "muted"));
  }
  return shown;
}

function titleLine(item: DetailItem, screen: Screen, selected: boolean): Line {
  const { unicode } = screen.capabilities;
  const hasMore = item.lines.length > 0;
  const fold = !hasMore ? " " : item.open ? "-" : "+";
  const time = item.at === null ? "" : `${formatClock(item.at, screen.offsetMinutes)} `;
  const note = item.note === "" || item.open ? "" : `  ${item.note}`;
  const text = item.section === "error" ? `${item.note}  ${item.title}` : item.title;
  return {
    spans: [
      span(cursorMark(selected, unicode), "bold"),
      span(`${fold} `, hasMore ? "bold" : undefined),
      span(time, "muted"),
      span(text, item.tone),
      span(item.section === "error" ? "" : note, "muted"),
    ],
    selected,
  };
}

function textLine(text: string, screen: Screen, selected: boolean): Line {
  const { unicode } = screen.capabilities;
  return {
    spans: [
      span(cursorMark(selected, unicode), "bold"),
      span(unicode ? "│ " : "| ", "muted"),
      span(text),
    ],
    selected,
  };
}

function cursorMark(selected: boolean, unicode: boolean): string {
  if (!selected) return "  ";
  return unicode ? "▸ " : "> ";
}
