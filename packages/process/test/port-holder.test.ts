/** Who has a port: found among real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, BoundSocket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";
import { findPortHolder } from "../src/io/port-holder.ts";

test("of several holders the one that is of a stack is told, whichever pid is the lower", async () => {
  using folder = tempFolder();
  const program = join(folder.path, "dist", "bin", "keeper.js");
  mkdirSync(join(folder.path, "dist", "bin"), { recursive: true });
  writeFileSync(
    program,
    `require("node:net").createServer().listen({ fd: 3 }, () => console.log("listens"));`,
  );
  const bound = new BoundSocket({ host: "127.0.0.1", port: 0 });
  const { port } = bound.address() as AddressInfo;
  const keeper = spawn(process.execPath, [program, "--config", "/srv/shop/deploy.config.ts"], {
    stdio: ["ignore", "pipe", "inherit", bound.fd()],
  });
  try {
    await once(keeper.stdout as Readable, "data");

    // This process holds it as well, and has another pid.
    expect(findPortHolder(port)).toMatchObject({ pid: keeper.pid, stack: "/srv/shop" });
  } finally {
    bound.close();
    keeper.kill("SIGKILL");
    await once(keeper, "exit");
  }
});
