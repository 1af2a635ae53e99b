/** How a line of `release` is run: what the keeper is to start. */
import type { AppPlan } from "@stack/config";

export type CommandOf = readonly [string, ...string[]];

/** Unlike any service's name: an app's name has no dot. Also the name of its log. */
export function releaseName(app: string): string {
  return `${app}.release`;
}

/**
 * All it prints goes to standard error, whose end is kept for the error; `python` and `python3` are
 * the app's own, whatever they are called on disk.
 */
const script =
  'umask "$2"; exec 1>&2; python() { "$0" "$@"; }; python3() { "$0" "$@"; }; eval "$1"';

export function releaseCommand(app: AppPlan, line: string, ownUmask: number): CommandOf {
  const python = "python" in app ? (app.python ?? "python3") : "python3";
  const umask = (app.umask ?? ownUmask).toString(8).padStart(3, "0");
  return ["/bin/sh", "-c", script, python, line, umask];
}

/** What the app can import a line's Python can import too: its settings may lie in `pythonPath`. */
function importPath(
  app: AppPlan,
  { PYTHONPATH: inherited }: Readonly<Record<string, string>>,
): Record<string, string> {
  const folders = "pythonPath" in app ? app.pythonPath : undefined;
  if (folders === undefined) return {};
  return { PYTHONPATH: [...folders, ...(inherited ? [inherited] : [])].join(":") };
}

/** The app's own, with what is installed for it first on the PATH. */
export function releaseEnvironment(
  app: AppPlan,
  release: string,
  fromFiles: Readonly<Record<string, string>>,
): Record<string, string> {
  const env = { ...app.env, ...fromFiles, ...app.envOver };
  const { PATH: path = "/usr/local/bin:/usr/bin:/bin" } = env;
  const own =
    "python" in app && app.python !== null
      ? app.python.slice(0, app.python.lastIndexOf("/"))
      : `${app.cwd}/node_modules/.bin`;
  return { ...env, ...importPath(app, env), PATH: `${own}:${path}`, STACK_RELEASE: release };
}
