/**
 * Which of several answers under one key suits a request (RFC 9111 §4.1). Values are compared after
 * what their fields allow: lines joined, white space around commas gone, and for the fields of
 * negotiation case, order and the spelling of weights.
 */
import { type HeadLines, headerValue } from "@stack/protocols";
import type { StoredAnswer, VariantIndex } from "./stored-answer.ts";

/** An answer that varies by more is not worth a place. */
export const maxVaryNames = 16;
/** A key longer than this is no key: the values are the client's to choose. */
const maxVariantKeyLength = 4096;

/** Names in lower case, sorted, each once; "*" when that is anywhere in the list. */
export function parseVary(value: string): readonly string[] | "*" {
  if (value === "") return [];
  const names = new Set<string>();
  for (const element of value.split(",")) {
    const name = element.trim().toLowerCase();
    if (name === "*") return "*";
    if (name !== "") names.add(name);
  }
  return [...names].toSorted();
}

/** What a request says of a field an answer varies by: "" without it, else ":" and its value. */
function selectingValue(head: HeadLines, name: string): string {
  const value = headerValue(head, name);
  if (value === undefined) return "";
  return `:${normalise(name, value)}`;
}

export function selectingValues(head: HeadLines, vary: readonly string[]): readonly string[] {
  return vary.map((name) => selectingValue(head, name));
}

/** Whether a stored answer suits this request. */
export function matchesRequest(answer: StoredAnswer, head: HeadLines): boolean {
  const { vary, selectedBy } = answer;
  for (let index = 0; index < vary.length; index++) {
    if (selectingValue(head, vary[index] as string) !== selectedBy[index]) return false;
  }
  return true;
}

/** The key of the variant that suits this request; undefined where it would be too long. */
export function formatVariantKey(
  key: string,
  index: VariantIndex,
  head: HeadLines,
): string | undefined {
  let variantKey = `${key}\n${index.id}`;
  for (const name of index.vary) variantKey += `\n${selectingValue(head, name)}`;
  return variantKey.length > maxVariantKeyLength ? undefined : variantKey;
}

/**
 * The index to keep once an answer with this Vary is stored: the one that is there when it will do,
 * else a new one. It only ever grows: answers that vary by different fields do not throw each other
 * out; null when it would grow too large.
 */
export function extendIndex(
  index: VariantIndex | undefined,
  vary: readonly string[],
  nowMs: number,
): VariantIndex | null {
  if (index !== undefined && vary.every((name) => index.vary.includes(name))) return index;
  const names = [...new Set([...(index?.vary ?? []), ...vary])].toSorted();
  if (names.length > maxVaryNames) return null;
  return { kind: "variants", vary: names, id: nowMs.toString(36) };
}

/** Free text and credentials: a comma in them means nothing. */
const verbatim: ReadonlySet<string> = new Set(["authorization", "cookie", "referer", "user-agent"]);
/** RFC 9110 §12.5: lists of choices with weights, in any order and case. */
const negotiated: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
]);

function normalise(name: string, value: string): string {
  if (verbatim.has(name)) return value;
  if (!negotiated.has(name)) {
    return value.includes(",") ? splitElements(value).join(",") : value;
  }
  const elements = splitElements(value.toLowerCase());
  for (let index = 0; index < elements.length; index++) {
    elements[index] = normaliseChoice(elements[index] as string);
  }
  if (elements.length < 2) return elements[0] ?? "";
  return [...new Set(elements)].sort().join(",");
}

/** "DE ; q=1.0" is "de"; "x-gzip" is "gzip" (RFC 9110 §8.4.1.3). */
function normaliseChoice(element: string): string {
  if (!element.includes(";")) return element === "x-gzip" ? "gzip" : element;
  const [choice = "", ...parameters] = element.split(";").map((part) => part.trim());
  let normal = choice === "x-gzip" ? "gzip" : choice;
  for (const parameter of parameters) {
    const weight = /^q[ \t]*=[ \t]*(\d(?:\.\d*)?)$/.exec(parameter)?.[1];
    if (weight === undefined) normal += `;${parameter}`;
    else if (Number(weight) !== 1) normal += `;q=${Number(weight)}`;
  }
  return normal;
}

/** The elements of a list, trimmed, the empty ones left out; commas in quotes are no separators. */
function splitElements(value: string): string[] {
  const parts = value.includes('"') ? quotedParts(value) : value.split(",");
  const elements: string[] = [];
  for (const part of parts) {
    const text = part.trim();
    if (text !== "") elements.push(text);
  }
  return elements;
}

function quotedParts(value: string): readonly string[] {
  return value.match(/(?:"(?:[^"\\]|\\.)*"|[^,])+/g) ?? [];
}
