/** What lies over a view: help, and the questions before something is lost. Cancel is the default. */
import { type Line, line, span } from "../core/line.ts";
import type { DashboardState, Dialog } from "../core/state.ts";
import { clip, displayWidth, padEnd } from "../core/width.ts";
import type { Screen } from "./screen.ts";

const help: readonly string[] = [
  "1 Services   4 Cache   5 Logs   Tab the next one   ? this help",
  "",
  "Services                        Logs",
  "j k  move                       j k  scroll (stops following)",
  "g G  first, last                G    end, and follow",
  "Enter  one service: why it      f    follow on or off",
  "     fails, exceptions, exits   /    filter; !word: without",
  "Space  show or hide workers     Esc  clear the filter, back",
  "l    its logs",
  "r    reload: no request lost    One service",
  "R    restart (asks)             j k  move   Esc  back",
  "s    stop (asks)   S  start     Enter  open a traceback,",
  "+ -  scale by one worker             or the end of stderr",
  "                                Cache   p  purge",
  "",
  "Select text with the mouse as always: it is not captured.",
];

/** For screens too narrow for two columns. */
const narrowHelp: readonly string[] = [
  "1 4 5  services, cache, logs",
  "j k  move or scroll",
  "Enter  why it fails; more",
  "Space  show or hide workers",
  "r R  reload, restart",
  "s S  stop, start",
  "+ -  scale by one",
  "/ f  filter, follow logs",
];

/** The dialog drawn over a view, or the view as it is. */
export function withDialog(
  state: DashboardState,
  view: readonly Line[],
  screen: Screen,
): readonly Line[] {
  const { dialog } = state;
  if (dialog === null) return view;
  const box = drawBox(contentOf(dialog, screen), titleOf(dialog), screen);
  const top = Math.max(0, Math.floor((view.length - box.length) / 2));
  return view.map((row, index) => box[index - top] ?? row);
}

function titleOf(dialog: Dialog): string {
  switch (dialog.kind) {
    case "help":
      return "Keys";
    case "quit":
      return "Leave, or stop everything?";
    case "purge":
      return "Purge what?";
    case "confirm":
      return dialog.title;
  }
}

function contentOf(dialog: Dialog, screen: Screen): readonly string[] {
  switch (dialog.kind) {
    case "help":
      if (screen.columns < 72) return [...narrowHelp, "any key closes this"];
      return [...help, "", "any key closes this"];
    case "quit":
      return [
        "d   detach: the services keep running;",
        "    `stack top` comes back, `stack down` stops them",
        "s   stop: drain and stop everything",
        "",
        "Esc  stay here",
      ];
    case "purge":
      return [
        "tag NAME, prefix URL, url URL, or all; soft before it: stale, not gone",
        "",
        `purge ${dialog.typed}_`,
        dialog.problem,
        "Enter  purge it      Esc  cancel",
        "",
        "the same from a shell:  stack cache purge --tag NAME",
      ];
    case "confirm":
      return [
        ...dialog.text,
        "",
        dialog.name === null
          ? "y   yes      Esc  cancel"
          : `Type the name to confirm:  ${dialog.typed}_`,
        ...(dialog.name === null ? [] : ["Enter  stop it      Esc  cancel"]),
        "",
        `the same from a shell:  ${dialog.shell}`,
      ];
  }
}

function drawBox(content: readonly string[], title: string, screen: Screen): Line[] {
  const { unicode } = screen.capabilities;
  const [corner, bar, side] = unicode ? ["┌┐└┘", "─", "│"] : ["++++", "-", "|"];
  const inner = Math.min(
    screen.columns - 6,
    Math.max(40, displayWidth(title) + 6, ...content.map((text) => displayWidth(text) + 2)),
  );
  const margin = " ".repeat(Math.max(0, Math.floor((screen.columns - inner - 4) / 2)));
  const head = clip(` ${title} `, inner);
  const wrapped = content.flatMap((text) => wrap(text, inner));
  const airy = wrapped.length + 5 <= screen.rows ? ["", ...wrapped, ""] : wrapped;
  const rows = airy.slice(0, Math.max(1, screen.rows - 3));
  return [
    line(
      span(`${margin}${corner[0]}${bar}`, "muted"),
      span(head, "bold"),
      span(`${bar.repeat(inner - displayWidth(head) + 1)}${corner[1]}`, "muted"),
    ),
    ...rows.map((text) =>
      line(
        span(`${margin}${side} `, "muted"),
        span(padEnd(text, inner)),
        span(` ${side}`, "muted"),
      ),
    ),
    line(span(`${margin}${corner[2]}${bar.repeat(inner + 2)}${corner[3]}`, "muted")),
  ];
}

/** Breaks between words; a line that fits keeps its spaces. */
function wrap(text: string, width: number): readonly string[] {
  if (displayWidth(text) <= width) return [text];
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    const next = current === "" ? word : `${current} ${word}`;
    if (displayWidth(next) > width && current !== "") {
      lines.push(current);
      current = word;
    } else {
      current = next;
    }
  }
  return [...lines, current];
}
