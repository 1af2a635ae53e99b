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

rmSync("dist/bin/shared", { recursive: true, force: true });
for (const program of readdirSync("src/bin")) {
  const bundle = await rolldown({
    input: join("src/bin", program),
    platform: "node",
    external: leftOutside,
  });
  // What it imports only when it needs it stays a file of its own.
  await bundle.write({ dir: "dist/bin", sourcemap: true, chunkFileNames: "shared/[name]-[hash].js" });
  await bundle.close();
}
