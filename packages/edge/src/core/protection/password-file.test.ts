import { expect, test } from "vitest";
import { parseBasicCredentials } from "./basic-credentials.ts";
import { parsePasswordFile } from "./password-file.ts";

const bcrypt = "$2y$05$abcdefghijklmnopqrstuuM2Dz4lJMdyvtNxi8Ue2OzPmmVbKzVdS";
const apr1 = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/";
const sha = "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=";

test("users and their hashes are read, comments are not", () => {
  const text = `# staff\nann:${bcrypt}\r\nbob:${apr1}:since 2020\n\ncy:${sha} \n`;
  const { hashes, problems } = parsePasswordFile(text);
  expect([...hashes]).toEqual([
    ["ann", bcrypt],
    ["bob", apr1],
    ["cy", sha],
  ]);
  expect(problems).toEqual([]);
});

test.for([
  ["plain text", "ann:secret", "no hash that is safe"],
  ["crypt()", "ann:rqXexS6ZhobKA", "no hash that is safe"],
  ["an empty hash", "ann:", "no hash that is safe"],
  ["a bcrypt hash cut short", `ann:${bcrypt.slice(0, -1)}`, "no hash that is safe"],
  ["a bcrypt cost that takes hours", `ann:${bcrypt.replace("05", "31")}`, "no hash that is safe"],
  ["no colon", "ann", 'not "name:hash"'],
  ["no name", `:${sha}`, 'not "name:hash"'],
  ["a user again", `ann:${sha}\nann:${apr1}`, "line 2 names a user a second time"],
] as const)("%s is told, without the hash", ([, text, expected]) => {
  const { problems } = parsePasswordFile(text);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(expected);
  expect(problems[0]).not.toContain("ann");
});

const decode = (text: string): string => Buffer.from(text, "base64").toString("utf8");
const field = (text: string, scheme = "Basic"): string =>
  `${scheme} ${Buffer.from(text).toString("base64")}`;

test.for([
  [field("ann:secret"), { user: "ann", password: "secret" }],
  [field("ann:a:b", "bAsIc "), { user: "ann", password: "a:b" }],
  [field("ann:"), { user: "ann", password: "" }],
  [field("jürgen:größe"), { user: "jürgen", password: "größe" }],
  [field("ann"), undefined],
  [field(":secret"), undefined],
  [field("ann:a\0b"), undefined],
  [field("ann:a\nb"), undefined],
  [`${field("ann:a")}, ${field("ann:b")}`, undefined],
  [field("ann:a", "Bearer"), undefined],
  [field(`ann:${"a".repeat(1_024)}`), undefined],
  ["Basic", undefined],
  ["Basic ann:a", undefined],
  [undefined, undefined],
] as const)("%j says %j", ([text, expected]) => {
  expect(parseBasicCredentials(text, decode)).toEqual(expected);
});
