/** The reference pages say what the program does: one is generated, two are checked. */
import { globSync, readFileSync } from "node:fs";
import { exitCodes } from "@stack/base";
import { expect, test } from "vitest";
import { exitRows } from "./core/exit-table.ts";
import { commandHelp, commandNames, rootHelp } from "./core/help.ts";
import { createProgram, helpOn } from "./program.ts";

const docs = "docs/reference";

test("docs/reference/cli.md is the help of every command (vitest -u writes it)", async () => {
  const program = createProgram(
    { env: {}, cwd: "/", stdin: process.stdin, stdout: process.stdout, stderr: process.stderr },
    { exit: 0 },
  );
  const page = [
    "# Command line",
    "",
    "Data goes to stdout, talk and errors to stderr. With `--json` every command prints one document,",
    '`{"schema":"stack.COMMAND/1","ok":true,"data":…}`, and errors as `stack.error/1`, on stdout; `logs -f --json` prints',
    "one document per line. Global flags are taken before and after the command. This page is the program's own help.",
    "",
    "```text",
    rootHelp,
    "```",
    ...commandNames.flatMap((name) => [
      "",
      `## stack ${name}`,
      "",
      `${commandHelp[name].summary.charAt(0).toUpperCase()}${commandHelp[name].summary.slice(1)}.`,
      "",
      "```text",
      helpOn(program, name),
      "```",
    ]),
    "",
  ].join("\n");
  await expect(page).toMatchFileSnapshot(`../../../${docs}/cli.md`);
});

test("docs/reference/exit-codes.md has every exit code with its words", () => {
  const page = readFileSync(`${docs}/exit-codes.md`, "utf8");
  for (const { code, name, meaning } of exitRows) {
    expect(page).toContain(`| ${code} | ${name} | ${meaning} |`);
  }
});

/** Every `defineError("E…", exitCodes.x` in the source of all packages. */
function catalogue(): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, Set<number>>();
  for (const file of globSync("packages/*/src/**/*.ts")) {
    if (file.endsWith(".test.ts")) continue;
    const source = readFileSync(file, "utf8");
    for (const [, code = "", name = ""] of source.matchAll(
      /defineError\(\s*"(E\d{4})",\s*exitCodes\.(\w+)/g,
    )) {
      const exits = found.get(code) ?? new Set();
      found.set(code, exits.add(exitCodes[name as keyof typeof exitCodes]));
    }
  }
  return found;
}

test("docs/reference/errors.md has every code of the source with its exit, and no other", () => {
  const rows = new Map(
    [...readFileSync(`${docs}/errors.md`, "utf8").matchAll(/^\| (E\d{4}) \| ([^|]+) \|/gm)].map(
      ([, code = "", exits = ""]) => [code, exits.match(/\d+/g)?.map(Number) ?? []] as const,
    ),
  );
  const codes = catalogue();
  expect([...rows.keys()]).toEqual([...codes.keys()].sort());
  for (const [code, exits] of codes) {
    for (const exit of exits) expect(rows.get(code), code).toContain(exit);
  }
});
