/**
 * The last step of a package's build, run in its folder: each program of `src/bin` becomes one file with
 * all it imports, in the place of the one that `tsc` wrote. Half of a start was finding and linking
 * modules, of which the edge alone has 250 in each of its threads.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** They load parts of themselves by path, when those are needed. */
const leftOutside = [/^node:/, /^jiti/, /^@babel\//];

/** One character that is not Latin, and the engine keeps the whole file with two bytes for each. */
function toAscii(code: string): string {
  return code.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

rmSync("dist/bin/shared", { recursive: true, force: true });
rmSync("dist/.stack-code-cache", { recursive: true, force: true }); // of the files before (`packages/cli/bin/stack.js`)
for (const program of readdirSync("src/bin")) {
  const bundle = await rolldown({
    input: join("src/bin", program),
    platform: "node",
    external: leftOutside,
  });
  await bundle.write({
    dir: "dist/bin",
    // What it imports only when it needs it stays a file of its own.
    chunkFileNames: "shared/[name]-[hash].js",
    sourcemap: true,
    comments: false,
    plugins: [{ name: "ascii", renderChunk: (code) => ({ code: toAscii(code), map: null }) }],
  });
  await bundle.close();
}
