/**
 * What `app` of a Python app names: a callable of a module ("shop.wsgi:application"), or of a file that
 * is loaded by its path ("conf/site.wsgi", "/srv/shop/app.py:make()"), as mod_wsgi's scripts are. It is a
 * file if it has a slash or ends in .py. Twin of `python/stack_worker/importing.py` in appserver.
 */

/** See `parsePythonTarget`. */
export type PythonTarget =
  | { readonly kind: "module"; readonly module: string; readonly callable: string }
  | {
      readonly kind: "file";
      /** As it was written. */
      readonly path: string;
      /** Undefined: "application", or else "app". */
      readonly callable: string | undefined;
    };

/** For the schema: either of the two, with arguments where it is a factory. */
export const pythonTargetPattern =
  /^(?:[\w.]+(?<!\.py):[\w.]+(?:\(.*\))?|(?:[^:]*\/[^:]+|[^:]+\.py)(?::[\w.]+(?:\(.*\))?)?)$/;

/** Module or file, and the callable in it. */
export function parsePythonTarget(target: string): PythonTarget {
  const colon = target.indexOf(":");
  const where = colon < 0 ? target : target.slice(0, colon);
  const callable = colon < 0 ? undefined : target.slice(colon + 1);
  if (where.includes("/") || where.endsWith(".py")) return { kind: "file", path: where, callable };
  return { kind: "module", module: where, callable: callable ?? "application" };
}
