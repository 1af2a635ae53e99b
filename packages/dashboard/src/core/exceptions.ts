/**
 * Exceptions of apps, found in the lines they write: tracebacks of Python and stacks of Node, each kind
 * counted once per app by its type and place. Pure, fed line by line; lines of several processes
 * may come mixed. All of it is bounded.
 */
import type { DashboardLogLine } from "./state.ts";

export interface ExceptionGroup {
  readonly key: string;
  /** Whose it is: "shop" for its worker "shop-1.2", else the source itself. */
  readonly owner: string;
  /** "ValueError" */
  readonly type: string;
  /** Of the last one, as the next. */
  readonly message: string;
  /** "views.py:41 in cart": the last frame that is no library's; "" without frames. */
  readonly place: string;
  readonly source: string;
  readonly count: number;
  /** ISO 8601 UTC. */
  readonly firstAt: string;
  readonly lastAt: string;
  readonly trace: readonly string[];
}

interface Trace {
  readonly language: "python" | "node";
  readonly at: string;
  readonly lines: readonly string[];
  readonly type: string;
  readonly message: string;
  readonly place: string;
  /** `place` is in the app's own code, not in a library's. */
  readonly isOwn: boolean;
  /** Of Python: its last line has come, but another exception may follow from it. */
  readonly ended: boolean;
}

/** What a source has written last: a trace that is not over, and the line before a Node stack. */
interface Reading {
  readonly trace: Trace | null;
  readonly previous: string;
}

export interface ExceptionLog {
  /** By `key`, the one that came last at the end. */
  readonly groups: ReadonlyMap<string, ExceptionGroup>;
  readonly readings: ReadonlyMap<string, Reading>;
}

export const noExceptions: ExceptionLog = { groups: new Map(), readings: new Map() };

const mostGroups = 100;
const mostSources = 200;
const mostLines = 100;
const longestLine = 400;

const pythonStart = /^\s*(?:\+ Exception Group )?Traceback \(most recent call last\):$/;
const pythonFrame = /^\s+(?:\| )?File "(.+?)", line (\d+)(?:, in (.+))?$/;
const pythonEnd = /^(?:\s+\| )?([A-Za-z_][\w.]*)(?::\s?(.*))?$/;
const pythonChain =
  /^(?:During handling of the above exception|The above exception was the direct cause)/;
const nodeFrame = /^\s+at (?:.*\()?(?:.+:\d+:\d+|<anonymous>|native)\)?(?: \{)?$/;
const nodePlace = /^\s+at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(.+?):(\d+):\d+\)?(?: \{)?$/;
const nodeHead = /(?:^|[\s[])([A-Za-z_$][\w$.]*)(?: \[\w+\])?(?::\s(.*))?$/;
const nodeNamed = /([A-Za-z_$][\w$.]*(?:Error|Exception))(?: \[\w+\])?(?::\s(.*))?$/;
const libraries =
  /(?:site-packages|dist-packages|node_modules|lib\/python3?[\d.]*)\/|^(?:node:|<frozen)/;

export function readExceptions(
  log: ExceptionLog,
  lines: readonly DashboardLogLine[],
): ExceptionLog {
  if (lines.length === 0) return log;
  const groups = new Map(log.groups);
  const readings = new Map(log.readings);
  for (const line of lines) {
    const before = readings.get(line.source) ?? { trace: null, previous: "" };
    const { trace, over } = readLine(before, line.at, clipped(line.text));
    if (over !== null) count(groups, line.source, over);
    readings.delete(line.source);
    readings.set(line.source, { trace, previous: clipped(line.text) });
  }
  return { groups: newest(groups, mostGroups), readings: newest(readings, mostSources) };
}

/** Those of a service, the last one first; what is complete so far counts. */
export function exceptionsOf(log: ExceptionLog, target: string): readonly ExceptionGroup[] {
  const groups = new Map(log.groups);
  for (const [source, { trace }] of log.readings) {
    if (trace?.ended === true && belongs(ownerOf(source), target)) count(groups, source, trace);
  }
  return [...groups.values()]
    .filter(({ owner }) => belongs(owner, target))
    .sort((a, b) => (a.lastAt < b.lastAt ? 1 : -1));
}

/** @returns the trace that goes on, and the one that is over with this line */
function readLine(
  { trace, previous }: Reading,
  at: string,
  text: string,
): { readonly trace: Trace | null; readonly over: Trace | null } {
  if (trace === null) return { trace: beginTrace(previous, at, text), over: null };
  if (trace.language === "node") {
    // Properties of an error come after its stack, in braces.
    if (/^\s+\S/.test(text) || text === "}") return { trace: withFrame(trace, text), over: null };
    return { trace: beginTrace(previous, at, text), over: trace };
  }
  if (trace.ended) {
    if (text === "") return { trace, over: null };
    if (pythonChain.test(text))
      return { trace: withLine(withLine({ ...trace, ended: false }, ""), text), over: null };
    return { trace: beginTrace(previous, at, text), over: trace };
  }
  if (text === "" || pythonStart.test(text)) return { trace: withLine(trace, text), over: null };
  const end = /^\s+(?!\| \w)/.test(text) ? null : pythonEnd.exec(text);
  if (end !== null) {
    const [, type = "", message = ""] = end;
    return { trace: { ...withLine(trace, text), type, message, ended: true }, over: null };
  }
  // Neither frame nor end: something else was written in between.
  if (!/^\s/.test(text)) return { trace: null, over: null };
  return { trace: withFrame(trace, text), over: null };
}

function beginTrace(previous: string, at: string, text: string): Trace | null {
  const none = { at, type: "", message: "", place: "", isOwn: false };
  if (pythonStart.test(text)) return { ...none, language: "python", lines: [text], ended: false };
  if (!nodeFrame.test(text) || previous === "") return null;
  const [, type = "Error", message = ""] =
    nodeNamed.exec(previous) ?? nodeHead.exec(previous) ?? [];
  const trace: Trace = { ...none, language: "node", lines: [previous], type, message, ended: true };
  return withFrame(trace, text);
}

function withLine(trace: Trace, text: string): Trace {
  const lines = [...trace.lines, text];
  // The first line and the end are what tells.
  return { ...trace, lines: lines.length > mostLines ? lines.toSpliced(1, 1) : lines };
}

/** Of Python the last frame counts, of Node the first; a library's only where there is no other. */
function withFrame(trace: Trace, text: string): Trace {
  const next = withLine(trace, text);
  const isPython = trace.language === "python";
  const match = isPython ? pythonFrame.exec(text) : nodePlace.exec(text);
  if (match === null) return next;
  const [file = "", line = "", name = ""] = isPython
    ? [match[1], match[2], match[3]]
    : [match[2], match[3], match[1]];
  const isOwn = !libraries.test(file);
  const isBetter =
    trace.place === "" || (isOwn && !trace.isOwn) || (isPython && isOwn === trace.isOwn);
  if (!isBetter) return next;
  const short = file.slice(file.lastIndexOf("/") + 1);
  return { ...next, place: `${short}:${line}${name === "" ? "" : ` in ${name}`}`, isOwn };
}

function count(groups: Map<string, ExceptionGroup>, source: string, trace: Trace): void {
  const { type, message, place, at, lines } = trace;
  const owner = ownerOf(source);
  const key = `${owner}\n${type}\n${place}`;
  const before = groups.get(key);
  groups.delete(key);
  // One that another line of its source has ended may be older than what was counted meanwhile.
  if (before !== undefined && before.lastAt > at) {
    groups.set(key, { ...before, count: before.count + 1 });
    return;
  }
  groups.set(key, {
    ...{ key, owner, type, message, place, source },
    count: (before?.count ?? 0) + 1,
    firstAt: before?.firstAt ?? at,
    lastAt: at,
    trace: lines,
  });
}

function newest<Value>(map: Map<string, Value>, most: number): Map<string, Value> {
  for (const key of map.keys()) {
    if (map.size <= most) break;
    map.delete(key);
  }
  return map;
}

function ownerOf(source: string): string {
  return source.replace(/-\d+\.\d+$/, "");
}

/** An app's are those of its workers, and of its arbiters "shop-1", which tell of failed imports. */
function belongs(owner: string, target: string): boolean {
  return (
    owner === target ||
    (owner.startsWith(`${target}-`) && /^-\d+$/.test(owner.slice(target.length)))
  );
}

function clipped(text: string): string {
  return text.length > longestLine ? `${text.slice(0, longestLine - 1)}…` : text;
}
