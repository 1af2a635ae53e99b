/** What another user cannot reach. Needs root, to ask as one. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { findClosed } from "../src/io/find-closed.ts";

const nobody = { uid: 65_534, gid: 65_534 };

test("what is closed to a user is named with what is in the way; what is open or not there is not", async () => {
  using folder = tempFolder();
  const open = join(folder.path, "open");
  const shut = join(folder.path, "it's shut");
  chmodSync(folder.path, 0o711);
  for (const path of [open, shut]) {
    mkdirSync(path);
    writeFileSync(join(path, "file"), "x", { mode: 0o644 });
  }
  writeFileSync(join(open, "secret"), "x");
  chmodSync(join(open, "secret"), 0o640);
  chmodSync(open, 0o755);
  chmodSync(shut, 0o750);

  const asked = [
    join(open, "file"),
    join(open, "secret"),
    shut,
    join(shut, "file"),
    join(open, "missing"),
    process.execPath,
  ];
  expect(await findClosed(asked, nobody)).toEqual([
    {
      path: join(open, "secret"),
      at: join(open, "secret"),
      facts: "mode 0640, root's",
      isFolder: false,
    },
    { path: shut, at: shut, facts: "mode 0750, root's", isFolder: true },
    { path: join(shut, "file"), at: shut, facts: "mode 0750, root's", isFolder: true },
  ]);
  expect(await findClosed(asked, { uid: 0, gid: 0 })).toEqual([]);
});
