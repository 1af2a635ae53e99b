/** Sockets of commands are opened to a group; whatever else has such a name is let be. */
import { once } from "node:events";
import { chmodSync, lstatSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { openToGroup } from "../src/io/open-to-group.ts";

const modeOf = (path: string): number => lstatSync(path).mode & 0o777;

test("only a socket of that user is opened to its group", async () => {
  using folder = tempFolder();
  const uid = process.getuid?.() ?? 0;
  const socket = join(folder.path, "a.sock");
  const server = createServer().listen(socket);
  await once(server, "listening");
  chmodSync(socket, 0o755);

  expect(openToGroup(socket, uid + 1)).toBe(false);
  expect(modeOf(socket)).toBe(0o755);
  const link = join(folder.path, "link.sock");
  symlinkSync(socket, link);
  expect(openToGroup(link, uid)).toBe(false);
  const file = join(folder.path, "file.sock");
  writeFileSync(file, "");
  chmodSync(file, 0o600);
  expect([openToGroup(file, uid), modeOf(file)]).toEqual([false, 0o600]);
  expect(openToGroup(join(folder.path, "none.sock"), uid)).toBe(false);

  expect(openToGroup(socket, uid)).toBe(true);
  expect(modeOf(socket)).toBe(0o660);
  server.close();
});
