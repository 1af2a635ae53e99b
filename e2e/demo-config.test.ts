/** The root deploy.config.ts by itself: it resolves in this checkout, with and without Flask. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loaderEntry, type ResolvedConfig, readLoaderOutput } from "@stack/config";
import { tempFolder } from "@stack/testkit";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

function load(folder: string): { readonly config: ResolvedConfig; readonly stderr: string } {
  const { output } = spawnSync(process.execPath, [loaderEntry, "deploy.config.ts"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    encoding: "utf8",
  });
  return { config: readLoaderOutput(output[3] ?? ""), stderr: output[2] ?? "" };
}

test("the demo resolves in a checkout, and each app has a route", () => {
  const { config } = load(root);

  expect(config.name).toBe("demo");
  expect(config.apps).toMatchObject({
    guestbook: { kind: "wsgi", instances: 2, workers: 2, cwd: join(root, "apps/guestbook") },
    api: { kind: "node", entry: join(root, "apps/api/server.mjs") },
  });
  const actions = config.edge.plan.routes.map(({ action }) => action.kind);
  expect(new Set(actions)).toEqual(new Set(["app", "static", "redirect", "respond"]));
});

test("without Flask the plain twin stands in, and the config says so on standard error", () => {
  using folder = tempFolder();
  for (const path of ["apps/guestbook/static", "apps/site", "apps/api"]) {
    cpSync(join(root, path), join(folder.path, path), { recursive: true });
  }
  mkdirSync(join(folder.path, "apps/guestbook/data/media"), { recursive: true });
  const config = readFileSync(join(root, "deploy.config.ts"), "utf8");
  // No Python of this machine has this module, so that the question is answered with no.
  const withoutFlask = config.replaceAll("find_spec('flask')", "find_spec('no_such_flask')");
  expect(withoutFlask).not.toBe(config);
  writeFileSync(join(folder.path, "deploy.config.ts"), withoutFlask);

  const loaded = load(folder.path);

  expect(loaded.stderr).toBe("Flask is not installed: the guestbook runs as its plain WSGI twin\n");
  expect(loaded.config.apps).toMatchObject({
    guestbook: { kind: "wsgi", app: "guestbook.plain_app:application" },
  });
});
