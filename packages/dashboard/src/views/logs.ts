/** View 5: all logs in one stream, with what happened to their processes in between. */
import { formatClock } from "../core/format.ts";
import { type Line, line, span, spread } from "../core/line.ts";
import { matchesFilter } from "../core/log-filter.ts";
import type { DashboardState, LogEntry } from "../core/state.ts";
import { nameTone } from "../core/theme.ts";
import { padEnd } from "../core/width.ts";
import { headerLines } from "./header.ts";
import { logKeys } from "./keys.ts";
import { isSmall, rule, type Screen, usableRows } from "./screen.ts";
import { tabs } from "./tabs.ts";

export function logsView(state: DashboardState, screen: Screen): readonly Line[] {
  const small = isSmall(screen);
  const header = headerLines(state, screen).slice(0, small ? 1 : 2);
  const matching = state.logs.lines.filter((entry) => matchesFilter(entry, state.logs.filter));
  const top = [
    ...header,
    rule(screen),
    ...(small ? [] : [tabs(state, screen)]),
    logBar(state, matching.length, screen),
  ];
  const footer = [rule(screen), ...logKeys(state, screen)];
  const space = Math.max(1, usableRows(screen) - top.length - footer.length);
  const end = matching.length - state.logs.below;
  const shown = matching.slice(Math.max(0, end - space), Math.max(0, end));
  const nameWidth = Math.min(16, Math.max(6, ...shown.map((entry) => entry.source.length)));
  const body = shown.map((entry) => logLine(entry, nameWidth, screen));
  while (body.length < space) body.push(line(""));
  return [...top, ...body, ...footer];
}

function logBar(state: DashboardState, count: number, screen: Screen): Line {
  const { logs } = state;
  const follow = logs.follow ? span(" [FOLLOW]", "good") : span(` [${logs.below} below]`, "warn");
  const filter = logs.editing
    ? span(`  filter: ${logs.filter}_`, "bold")
    : logs.filter === ""
      ? span("")
      : span(`  filter: ${logs.filter}`, "warn");
  return spread([follow, filter], [span(`${count} lines `, "muted")], screen.columns);
}

function logLine(entry: LogEntry, nameWidth: number, screen: Screen): Line {
  const narrow = screen.columns < 60;
  const clock = formatClock(entry.at, screen.offsetMinutes);
  const time = narrow ? "" : ` ${clock}${screen.columns >= 100 ? entry.at.slice(19, 23) : ""}`;
  const name = span(` ${padEnd(entry.source, nameWidth)} `, nameTone(entry.source));
  if (entry.mark !== undefined) {
    const tone = entry.mark === "error" ? "bad" : entry.mark === "warn" ? "warn" : "muted";
    const bar = screen.capabilities.unicode ? "──" : "--";
    return line(span(time, "muted"), name, span(`${bar} ${entry.text} ${bar}`, tone));
  }
  return line(span(time, "muted"), name, span(entry.text));
}
