/**
 * Dictionaries of structured fields (RFC 9651 §4.2.2), as far as a cache needs them: the bare items
 * of their members; parameters and inner lists are checked and left out. Strict: one mistake and
 * the whole field is none.
 */

/** A number is an integer; values of types no directive has are all `other`. */
export type BareItem = boolean | number | string | { readonly kind: "other" };

const other: BareItem = { kind: "other" };

interface Cursor {
  readonly text: string;
  at: number;
}

/** Undefined for what is no dictionary. */
export function parseDictionary(text: string): ReadonlyMap<string, BareItem> | undefined {
  const cursor: Cursor = { text, at: 0 };
  const dictionary = new Map<string, BareItem>();
  skip(cursor, spaces);
  while (cursor.at < text.length) {
    const key = take(cursor, keyPattern);
    if (key === undefined) return undefined;
    const item = takeMember(cursor);
    if (item === undefined) return undefined;
    dictionary.set(key, item);
    skip(cursor, optionalSpace);
    if (cursor.at === text.length) return dictionary;
    if (take(cursor, comma) === undefined) return undefined;
    skip(cursor, optionalSpace);
    if (cursor.at === text.length) return undefined; // a comma with nothing after it
  }
  return dictionary;
}

const spaces = / */y;
const optionalSpace = /[ \t]*/y;
const comma = /,/y;
const keyPattern = /[a-z*][a-z0-9_\-.*]*/y;
const equals = /=/y;
const semicolon = /; */y;
const innerListEnd = / *\)/y;

const numberPattern = /-?\d{1,15}(?:\.\d{1,3})?(?![\d.])/y;
const stringPattern = /"(?:[ !#-[\]-~]|\\["\\])*"/y;
const tokenPattern = /[A-Za-z*][!#$%&'*+.^_`|~\w:/-]*/y;
const booleanPattern = /\?[01]/y;
const bytesPattern = /:[A-Za-z0-9+/=]*:/y;
const datePattern = /@-?\d{1,15}(?![\d.])/y;
const displayPattern = /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y;

/** "=value" or nothing, which is true; then parameters. */
function takeMember(cursor: Cursor): BareItem | undefined {
  const item = take(cursor, equals) === undefined ? true : takeValue(cursor);
  if (item === undefined || !skipParameters(cursor)) return undefined;
  return item;
}

function takeValue(cursor: Cursor): BareItem | undefined {
  return cursor.text[cursor.at] === "(" ? takeInnerList(cursor) : takeBareItem(cursor);
}

function takeInnerList(cursor: Cursor): BareItem | undefined {
  cursor.at += 1;
  while (take(cursor, innerListEnd) === undefined) {
    const before = cursor.at;
    skip(cursor, spaces);
    if (before === cursor.at && cursor.text[before - 1] !== "(") return undefined;
    if (takeBareItem(cursor) === undefined || !skipParameters(cursor)) return undefined;
  }
  return other;
}

function skipParameters(cursor: Cursor): boolean {
  while (take(cursor, semicolon) !== undefined) {
    if (take(cursor, keyPattern) === undefined) return false;
    if (take(cursor, equals) !== undefined && takeBareItem(cursor) === undefined) return false;
  }
  return true;
}

function takeBareItem(cursor: Cursor): BareItem | undefined {
  const number = take(cursor, numberPattern);
  if (number !== undefined) return numberOf(number);
  const string = take(cursor, stringPattern);
  if (string !== undefined) return string.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  const boolean = take(cursor, booleanPattern);
  if (boolean !== undefined) return boolean === "?1";
  for (const pattern of [tokenPattern, bytesPattern, datePattern, displayPattern]) {
    if (take(cursor, pattern) !== undefined) return other;
  }
  return undefined;
}

/** RFC 9651 §4.2.4: a decimal has at most 12 digits before its point, and is no integer. */
function numberOf(text: string): BareItem | undefined {
  const point = text.indexOf(".");
  if (point < 0) return Number(text);
  return point - (text.startsWith("-") ? 1 : 0) <= 12 ? other : undefined;
}

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match === null) return undefined;
  cursor.at = pattern.lastIndex;
  return match[0];
}

function skip(cursor: Cursor, pattern: RegExp): void {
  take(cursor, pattern);
}
