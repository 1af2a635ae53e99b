/** `responseHeaders` and `cors`: from the field lines of an answer to those that leave. */
import type { CorsPlan, HeaderChanges } from "@stack/config";

/** `Name: value\r\n` lines, to the same. */
export type EditFields = (fields: string) => string;

export function createEditAnswer(changes: HeaderChanges): EditFields {
  const gone = linesOf([...changes.remove, ...changes.set.map(([name]) => name)]);
  const added = [...changes.set, ...changes.add]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return (fields) => (gone === null ? fields : fields.replace(gone, "")) + added;
}

/** Answers of an app about who may call it: ours take their place. */
const corsLines = /^access-control-[a-z-]*:[^\r\n]*\r\n/gim;

export interface Cors {
  /** Lines for the answer to a preflight. */
  readonly preflight: (origin: string) => string;
  readonly edit: (fields: string, origin: string | undefined) => string;
}

export function createCors(plan: CorsPlan): Cors {
  const { origins, credentials } = plan;
  const allowed = origins === "*" ? null : new Set(origins);
  const vary = allowed === null ? "" : "Vary: Origin\r\n";
  const exposed =
    plan.expose.length === 0 ? "" : `Access-Control-Expose-Headers: ${plan.expose.join(", ")}\r\n`;
  const about = (origin: string | undefined): string => {
    if (origin === undefined || (allowed !== null && !allowed.has(origin))) return "";
    const who = allowed === null ? "*" : origin;
    const login = credentials ? "Access-Control-Allow-Credentials: true\r\n" : "";
    return `Access-Control-Allow-Origin: ${who}\r\n${login}`;
  };
  const headers =
    plan.headers.length === 0 ? "" : `Access-Control-Allow-Headers: ${plan.headers.join(", ")}\r\n`;
  const methods = `Access-Control-Allow-Methods: ${plan.methods.join(", ")}\r\n`;
  const maxAge = `Access-Control-Max-Age: ${plan.maxAgeS}\r\n`;
  return {
    preflight(origin) {
      const lines = about(origin);
      return lines === "" ? vary : `${lines}${methods}${headers}${maxAge}${vary}`;
    },
    edit(fields, origin) {
      const lines = about(origin);
      return `${fields.replace(corsLines, "")}${lines}${lines === "" ? "" : exposed}${vary}`;
    },
  };
}

function linesOf(names: readonly string[]): RegExp | null {
  if (names.length === 0) return null;
  const escaped = names.map((name) => name.replace(/[^A-Za-z0-9-]/g, "\\$&"));
  return new RegExp(`^(?:${escaped.join("|")}):[^\\r\\n]*\\r\\n`, "gim");
}
