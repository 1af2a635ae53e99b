import { expect, test } from "vitest";
import { parseEnvFile } from "./parse-env-file.ts";

test.for<[text: string, variables: Readonly<Record<string, string>>]>([
  ["", {}],
  ["\n# only a comment\n   # another\n\n", {}],
  ["A=1", { A: "1" }],
  ["A=1\nB = two words \nexport C=3\n", { A: "1", B: "two words", C: "3" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["\uFEFFA=1", { A: "1" }],
  ["A=", { A: "" }],
  ["A= # nothing", { A: "" }],
  ["A=a#b # c", { A: "a#b" }],
  ["A=postgres://u:p@h/db?x=1&y=2", { A: "postgres://u:p@h/db?x=1&y=2" }],
  ["A='$HOME \\n' # raw", { A: "$HOME \\n" }],
  ['A="line\\nline \\"quoted\\" \\$5 \\\\"', { A: 'line\nline "quoted" $5 \\' }],
  ['A="over\nlines"\nB=2', { A: "over\nlines", B: "2" }],
  ["A='over\nlines'\nB=2", { A: "over\nlines", B: "2" }],
  ["A=1\nA=2", { A: "2" }],
])("%j", ([text, variables]) => {
  expect(parseEnvFile(text)).toEqual({ ok: true, variables });
});

test.for<[text: string, line: number, problem: RegExp]>([
  ["A=1\nnonsense\n", 2, /no NAME=value/],
  ["1A=1", 1, /no NAME=value/],
  ["A-B=1", 1, /no NAME=value/],
  ['A="x\ny"\n\nB="open\n', 4, /quote of B is not closed/],
  ["A='x' y", 1, /more after the value of A/],
])("%j is refused with its line", ([text, line, problem]) => {
  const result = parseEnvFile(text);

  expect(result).toMatchObject({ ok: false, line });
  expect(result.ok ? "" : result.problem).toMatch(problem);
});
