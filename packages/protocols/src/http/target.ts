/** The request target (RFC 9112 §3.2): a path, a URL, or "*". An authority alone is CONNECT's. */
import { type Authority, parseAuthority } from "./host.ts";
import { normalisePath } from "./path.ts";
import type { RequestHead } from "./request-head.ts";

/**
 * Reads `head.target` into path, query and, from a URL, the host. The grammar has seen to its
 * characters.
 *
 * @returns "" or what is wrong with it
 */
export function readTarget(head: RequestHead): string {
  const target = head.target;
  if (target.charCodeAt(0) === 47) return readOrigin(head, target, true);
  head.lineIsPlain = false;
  if (target === "*") return readAsterisk(head);
  const scheme = /^https?:\/\//i.exec(target);
  if (scheme === null) return "the target is neither a path nor a URL";
  const from = scheme[0].length;
  const length = target.slice(from).search(/[/?]/);
  const until = length < 0 ? target.length : from + length;
  const authority: Authority = { host: "", port: 0, text: "" };
  if (!parseAuthority(target.slice(from, until), authority)) return "the target's host is invalid";
  head.host = authority.host;
  head.port = authority.port;
  head.authority = authority.text;
  const rest = target.slice(until);
  if (rest === "" && head.method === "OPTIONS") return readAsterisk(head); // RFC 9112 §3.2.4
  return readOrigin(head, rest.startsWith("/") ? rest : `/${rest}`, false);
}

function readAsterisk(head: RequestHead): string {
  if (head.method !== "OPTIONS") return 'the target "*" is for OPTIONS';
  head.path = "*";
  head.query = "";
  head.hasQuery = false;
  return "";
}

function readOrigin(head: RequestHead, target: string, isWhole: boolean): string {
  const question = target.indexOf("?");
  const path = question < 0 ? target : target.slice(0, question);
  head.hasQuery = question >= 0;
  head.query = question < 0 ? "" : target.slice(question + 1);
  head.path = normalisePath(path);
  head.lineIsPlain = isWhole && head.path === path && !/[\x80-\xff]/.test(head.query);
  return head.path === "" ? "the path is malformed or leaves the root" : "";
}
