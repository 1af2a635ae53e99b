/** `npm run docs`: writes the generated pages of docs/; with `--check` only says whether they are up to date. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configReference } from "@stack/config";

const root = join(import.meta.dirname, "..");
const pages: Readonly<Record<string, string>> = {
  "docs/reference/config.md": await configReference(),
};
const isCheck = process.argv.includes("--check");

for (const [path, text] of Object.entries(pages)) {
  const file = join(root, path);
  if (read(file) === text) continue;
  if (isCheck) {
    console.error(`${path} is out of date: npm run docs`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
