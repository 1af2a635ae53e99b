/**
 * Which path and query a CGI block asks for. A web server may have rewritten them: what it says in
 * PATH_INFO and QUERY_STRING is what the application is to see, REQUEST_URI is what the client wrote.
 *
 * | in the block                                        | the path                                   |
 * | --------------------------------------------------- | ------------------------------------------ |
 * | PATH_INFO                                           | SCRIPT_NAME + PATH_INFO (RFC 3875 §4.1.5); mounted at SCRIPT_NAME |
 * | PATH_INFO that begins with SCRIPT_NAME, and is all of REQUEST_URI | PATH_INFO; mounted at SCRIPT_NAME (nginx's uwsgi_params with a SCRIPT_NAME) |
 * | no PATH_INFO (nginx's fastcgi_params, scgi_params; Apache's mod_proxy_fcgi) | DOCUMENT_URI, else SCRIPT_NAME; mounted nowhere |
 * | PATH_INFO, SCRIPT_NAME and DOCUMENT_URI all the same | that; mounted nowhere                      |
 * | none of these                                       | REQUEST_URI                                |
 *
 * Where REQUEST_URI means the same path it is taken as it came: it still tells "%2F" from "/".
 */
import { decodePath, normalisePath } from "../http/path.ts";

export interface CgiTarget {
  /** A request target as a client would write it; "" when the block names none. */
  readonly target: string;
  /** Where the web server mounted us, decoded, a beginning of the path; "" for nowhere. */
  readonly mount: string;
}

export function cgiTarget(variables: ReadonlyMap<string, string>): CgiTarget {
  const uri = variables.get("REQUEST_URI") ?? "";
  const { path, mount } = wholePath(variables, uri);
  if (!path.startsWith("/")) return { target: uri, mount: "" };
  const question = uri.indexOf("?");
  const uriQuery = question < 0 ? "" : uri.slice(question + 1);
  const query = variables.get("QUERY_STRING") ?? uriQuery;
  if (query === uriQuery && decoded(uri) === path) return { target: uri, mount };
  return { target: encodePath(path) + (query === "" ? "" : `?${query}`), mount };
}

function wholePath(
  variables: ReadonlyMap<string, string>,
  uri: string,
): { readonly path: string; readonly mount: string } {
  const script = variables.get("SCRIPT_NAME") ?? "";
  const info = variables.get("PATH_INFO");
  // Without PATH_INFO it is nginx's $fastcgi_script_name: the whole path, not where we are mounted.
  if (info === undefined) return { path: variables.get("DOCUMENT_URI") || script, mount: "" };
  const mount = script === "/" ? "" : script;
  // The same file with a PATH_INFO beside it: it says the whole path twice.
  if (info === mount && info === variables.get("DOCUMENT_URI")) return { path: info, mount: "" };
  if (mount === "") return { path: info === "" && uri === "" ? "/" : info, mount };
  const isWhole = info === mount || info.startsWith(`${mount}/`);
  if (isWhole && decoded(uri) === info) return { path: info, mount };
  return { path: mount + info, mount };
}

/** The path of a target as CGI would say it; "" for what is no path. */
function decoded(uri: string): string {
  if (!uri.startsWith("/")) return "";
  const question = uri.indexOf("?");
  return decodePath(normalisePath(question < 0 ? uri : uri.slice(0, question)));
}

/** What `decodePath` undid; "/" stays. */
export function encodePath(path: string): string {
  return path.replace(
    /[^!$&-;=@-Z_a-z~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
