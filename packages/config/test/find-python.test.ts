import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { findOnPath, findPython } from "../src/io/find-python.ts";
import { writeFiles } from "./load.ts";

/** A project whose app lies in web/, with executables at these places. */
function projectWith(folder: string, executables: readonly string[]): void {
  mkdirSync(join(folder, "web"), { recursive: true });
  writeFiles(folder, Object.fromEntries(executables.map((path) => [path, "#!/bin/sh\n"])));
  for (const path of executables) chmodSync(join(folder, path), 0o755);
}

const everywhere = [
  "web/.venv/bin/python",
  "web/venv/bin/python",
  ".venv/bin/python",
  "venv/bin/python",
  "first/python3",
  "second/python3",
];

test.for(everywhere.map((expected, index) => [expected, everywhere.slice(index)] as const))(
  "without `python` it is %s when nothing stands before it",
  ([expected, executables]) => {
    using folder = tempFolder();
    projectWith(folder.path, executables);
    const searched = ["first", "second"].map((name) => join(folder.path, name));

    const { python, tried } = findPython(
      join(folder.path, "web"),
      folder.path,
      undefined,
      searched,
    );

    expect(python).toBe(join(folder.path, expected));
    expect(tried).toEqual(everywhere.map((path) => join(folder.path, path)));
  },
);

test.for([
  ["./py", ["py", "web/py"], "py"],
  ["env/python", ["web/env/python"], "web/env/python"],
  ["python3.12", ["second/python3.12"], "second/python3.12"],
  ["python3.12", ["web/.venv/bin/python", "first/python3"], null],
] as const)("`python: %j` with %j is %s", ([written, executables, expected]) => {
  using folder = tempFolder();
  projectWith(folder.path, executables);
  const searched = ["first", "second"].map((name) => join(folder.path, name));

  const { python } = findPython(join(folder.path, "web"), folder.path, written, searched);

  expect(python).toBe(expected === null ? null : join(folder.path, expected));
});

test("a link to Python stays a link: what it points to is outside the virtual environment", () => {
  using folder = tempFolder();
  projectWith(folder.path, ["real/python3"]);
  mkdirSync(join(folder.path, ".venv/bin"), { recursive: true });
  symlinkSync(join(folder.path, "real/python3"), join(folder.path, ".venv/bin/python"));

  expect(findPython(folder.path, folder.path, undefined, []).python).toBe(
    join(folder.path, ".venv/bin/python"),
  );
});

test("what cannot be executed is passed over: a file without the right, a folder, a dead link", () => {
  using folder = tempFolder();
  writeFiles(folder.path, { "a/redis-server": "", "b/redis-server/x": "" });
  mkdirSync(join(folder.path, "c"));
  symlinkSync("/nowhere", join(folder.path, "c/redis-server"));
  projectWith(folder.path, ["d/redis-server"]);
  const searched = ["a", "b", "c", "d"].map((name) => join(folder.path, name));

  expect(findOnPath("redis-server", searched)).toBe(join(folder.path, "d/redis-server"));
});
