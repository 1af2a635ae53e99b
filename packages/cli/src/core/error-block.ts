/**
 * How an error looks, in the one place that decides it: what happened and its code, where in the
 * config, the facts, what to do. Red only in the first line; the last line is what to do.
 */
import type { ConfigPlace, ErrorReport } from "@stack/base";
import type { Paint } from "./paint.ts";

export interface ErrorStyle {
  readonly paint: Paint;
  readonly unicode: boolean;
  /** Files are shown relative to it when they lie below it. */
  readonly folder: string;
}

/** The code starts at this column, counted from 1. */
const codeColumn = 74;
const placeColumn = 36;

/** One block per cause: equal errors are printed once, with how many there were. */
export function formatErrors(reports: readonly ErrorReport[], style: ErrorStyle): string {
  const counts = new Map<string, { readonly report: ErrorReport; count: number }>();
  for (const report of reports) {
    const key = JSON.stringify([report.code, report.title, report.place, report.facts]);
    const seen = counts.get(key);
    if (seen === undefined) counts.set(key, { report, count: 1 });
    else seen.count += 1;
  }
  return [...counts.values()]
    .map(({ report, count }) => formatError(report, style, count))
    .join("\n\n");
}

function formatError(report: ErrorReport, style: ErrorStyle, count = 1): string {
  const sign = style.unicode ? "✖" : "x";
  const times = count > 1 ? `  ${style.unicode ? "×" : "x"}${count}` : "";
  const title = `${sign} ${report.title}${times}`;
  const lines = [
    `${style.paint("bad", title)}${" ".repeat(Math.max(2, codeColumn - 1 - title.length))}${report.code}`,
  ];
  const place = report.place === undefined ? "" : formatPlace(report.place, style.folder);
  if (place !== "") lines.push(indent(place, 2));
  for (const fact of report.facts ?? []) lines.push(indent(fact, 2));
  if (report.fixes.length > 0) lines.push("");
  for (const [index, fix] of report.fixes.entries()) {
    const label = index === 0 ? "Fix" : "Or";
    lines.push(`  ${label.padEnd(6)}${indent(fix, 8).trimStart()}`);
  }
  return lines.join("\n");
}

/** `edge.listen[0] = 80      deploy.config.ts:14:13` */
function formatPlace(place: ConfigPlace, folder: string): string {
  const value = place.value === undefined ? "" : ` = ${place.value}`;
  const key = place.configPath === undefined ? "" : `${place.configPath}${value}`;
  const line = place.line === undefined ? "" : `:${place.line}`;
  const column = place.line === undefined || place.column === undefined ? "" : `:${place.column}`;
  const where = `${relativeTo(folder, place.file)}${line}${column}`;
  return key === "" ? where : `${key.padEnd(placeColumn - 3)}  ${where}`;
}

/** The annotation GitHub shows beside the line of the file. */
export function formatGithubError(report: ErrorReport, folder: string): string {
  const place = report.place;
  const fields = [
    ...(place === undefined ? [] : [`file=${property(relativeTo(folder, place.file))}`]),
    ...(place?.line === undefined ? [] : [`line=${place.line}`]),
    ...(place?.column === undefined ? [] : [`col=${place.column}`]),
    `title=${property(report.code)}`,
  ];
  const text = [report.title, ...(report.facts ?? []), ...report.fixes.map((fix) => `Fix: ${fix}`)];
  return `::error ${fields.join(",")}::${data(text.join("\n"))}`;
}

export function relativeTo(folder: string, file: string): string {
  const prefix = folder.endsWith("/") ? folder : `${folder}/`;
  return file.startsWith(prefix) ? file.slice(prefix.length) : file;
}

function indent(text: string, columns: number): string {
  const pad = " ".repeat(columns);
  return text
    .split("\n")
    .map((line) => (line === "" ? "" : `${pad}${line}`))
    .join("\n");
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
