/**
 * Whether a Python module is there and has a name, without running a line of it: an interpreter
 * follows its import path by hand and reads the source's syntax tree.
 */
import { cleanEnvironment, runToEnd } from "@stack/process";
import type { ModuleFacts } from "../core/judge-module.ts";
import type { Environment } from "../core/paint.ts";

export type ModuleInspection =
  | { readonly kind: "facts"; readonly facts: ModuleFacts }
  /** The interpreter itself does not run. */
  | { readonly kind: "broken"; readonly lines: readonly string[] };

const deadlineMs = 10_000;

/** @param module "shop.wsgi", or a file as `parsePythonTarget` knows them */
export async function inspectModule(
  python: string,
  module: string,
  cwd: string,
  env: Environment,
): Promise<ModuleInspection> {
  try {
    const result = await runToEnd([python, "-c", script, module, cwd], {
      cwd,
      env: cleanEnvironment(env),
      deadlineMs,
    });
    if (result.code === 0) {
      return { kind: "facts", facts: JSON.parse(result.stdout) as ModuleFacts };
    }
    const lines = result.stderr.trim().split("\n").slice(-4);
    return { kind: "broken", lines: result.timedOut ? ["no answer within 10 s"] : lines };
  } catch (error) {
    return { kind: "broken", lines: [(error as Error).message] };
  }
}

// Runs on any Python 3, so that one that is too old can still say so.
const script = `
import ast, json, os, sys
from importlib.machinery import PathFinder

module, cwd = sys.argv[1], sys.argv[2]
path = [cwd] + [entry for entry in sys.path if entry]
found, missing, siblings, names = None, None, [], None
parts = module.split(".")
if "/" in module or module.endswith(".py"):
    parts = []
    file = os.path.join(cwd, module)
    if os.path.isfile(file):
        found = file
    else:
        missing = module
        folder = os.path.dirname(module)
        if os.path.isdir(os.path.join(cwd, folder)):
            siblings = [os.path.join(folder, entry) for entry in sorted(os.listdir(os.path.join(cwd, folder)))
                        if entry.endswith((".py", ".wsgi"))]
for index, part in enumerate(parts):
    spec = PathFinder.find_spec(part, path)
    if spec is None and index == 0 and part in sys.builtin_module_names:
        found = "built in"
        break
    if spec is None:
        missing, found = ".".join(parts[: index + 1]), None
        for folder in list(path)[:1]:
            if os.path.isdir(folder):
                for entry in sorted(os.listdir(folder)):
                    full = os.path.join(folder, entry)
                    if entry.endswith(".py") and entry != "__init__.py":
                        siblings.append(entry[:-3])
                    elif os.path.isfile(os.path.join(full, "__init__.py")):
                        siblings.append(entry)
        break
    found = spec.origin if spec.has_location else "a folder"
    path = list(spec.submodule_search_locations or [])

def top_level(body, names):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                if alias.name == "*":
                    return False
                names.add((alias.asname or alias.name).split(".")[0])
        else:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    names.add(inner.id)
                elif isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                    names.add(inner.name)
                elif isinstance(inner, (ast.Import, ast.ImportFrom)):
                    if not top_level([inner], names):
                        return False
    return "__getattr__" not in names and "globals" not in names

if found and (found.endswith(".py") or not parts):
    try:
        with open(found, "rb") as source:
            collected = set()
            if top_level(ast.parse(source.read()).body, collected):
                names = sorted(collected)
    except (OSError, SyntaxError, ValueError):
        pass

json.dump({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "tooOld": sys.version_info < (3, 9),
    "file": found,
    "missing": missing,
    "siblings": siblings[:50],
    "names": names,
}, sys.stdout)
`;
