/** Pages of the repository that send their reader to another page send to one that exists. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const pages = ["*.md", "docs/**/*.md", "packages/*/*.md"].flatMap((pattern) => globSync(pattern));

test("every link to a file of the repository leads somewhere", () => {
  const links = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(
      ([, target = ""]) => `${page} → ${join(dirname(page), target)}`,
    ),
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((link) => !existsSync(link.split(" → ")[1] ?? ""))).toEqual([]);
});
