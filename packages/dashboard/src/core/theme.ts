/**
 * What the terminal can show, and the colours (Okabe-Ito, told apart with any colour vision). State
 * is always shape and word as well; no meaning hangs on a colour.
 */
import { type ServiceState, stateShapes } from "@stack/control";
import { clipLine, type Line, type Tone, widthOf } from "./line.ts";

export interface Capabilities {
  readonly unicode: boolean;
  /** How many colours: none at all, 16, 256, or any. */
  readonly color: "none" | "16" | "256" | "true";
}

type Codes = Readonly<Record<"16" | "256" | "true", string>>;

const tones: Readonly<Record<"good" | "warn" | "bad" | "muted", Codes>> = {
  good: { "16": "36", "256": "38;5;74", true: "38;2;86;180;233" },
  warn: { "16": "33", "256": "38;5;214", true: "38;2;230;159;0" },
  bad: { "16": "91", "256": "38;5;166", true: "38;2;213;94;0" },
  muted: { "16": "90", "256": "38;5;245", true: "38;2;138;138;138" },
};

/** For the names of log sources: of equal weight, none of them the colour of a fault. */
const names: readonly Codes[] = [
  { "16": "36", "256": "38;5;74", true: "38;2;86;180;233" },
  { "16": "32", "256": "38;5;36", true: "38;2;0;158;115" },
  { "16": "33", "256": "38;5;178", true: "38;2;214;178;32" },
  { "16": "35", "256": "38;5;175", true: "38;2;204;121;167" },
  { "16": "34", "256": "38;5;68", true: "38;2;94;150;214" },
  { "16": "37", "256": "38;5;228", true: "38;2;240;228;66" },
];

const reset = "\u001b[0m";

/** The tone of a log source's name: the same name, the same colour. */
export function nameTone(name: string): Tone {
  let hash = 0;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
  return `name${hash % names.length}`;
}

/** Blue is well, orange on its way, vermillion broken, grey off. */
export function stateTone(state: ServiceState): Tone {
  switch (state) {
    case "ready":
      return "good";
    case "booting":
    case "draining":
    case "degraded":
      return "warn";
    case "crashed":
      return "bad";
    case "stopped":
    case "disabled":
      return "muted";
  }
}

export function stateShape(state: ServiceState, capabilities: Capabilities): string {
  const shape = stateShapes[state];
  return capabilities.unicode ? shape.unicode : shape.ascii;
}

/** A row as text with colour codes, exactly as wide as it is told or narrower. */
export function paintLine(row: Line, width: number, capabilities: Capabilities): string {
  const cut = clipLine(row, width, capabilities.unicode ? "…" : "~");
  if (row.selected === true) {
    const text = cut.spans.map((piece) => piece.text).join("");
    const padded = text + " ".repeat(Math.max(0, width - widthOf(cut.spans)));
    return capabilities.color === "none" ? text : `\u001b[7m${padded}${reset}`;
  }
  return cut.spans
    .map(({ text, tone }) => {
      const code = tone === undefined ? undefined : codeOf(tone, capabilities);
      return code === undefined || text === "" ? text : `\u001b[${code}m${text}${reset}`;
    })
    .join("");
}

function codeOf(tone: Tone, capabilities: Capabilities): string | undefined {
  if (capabilities.color === "none") return undefined;
  if (tone === "bold") return "1";
  if (tone === "inverse") return "7";
  if (tone === "good" || tone === "warn" || tone === "bad" || tone === "muted") {
    return tones[tone][capabilities.color];
  }
  return names[Number(tone.slice("name".length))]?.[capabilities.color];
}

/** From the environment of the terminal; NO_COLOR and the like are the caller's to weigh. */
export function decideCapabilities(
  env: Readonly<Record<string, string | undefined>>,
  color: boolean,
): Capabilities {
  const term = env["TERM"] ?? "";
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "UTF-8";
  const unicode = term !== "linux" && /utf-?8/i.test(locale);
  if (!color) return { unicode, color: "none" };
  if (/^(?:truecolor|24bit)$/.test(env["COLORTERM"] ?? "")) return { unicode, color: "true" };
  return { unicode, color: /256|direct/.test(term) ? "256" : "16" };
}
