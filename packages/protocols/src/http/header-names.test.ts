import { expect, test } from "vitest";
import { fieldId, fieldIdAt, knownNames } from "./header-names.ts";

test("no two known names share length and first letter, by which they are found", () => {
  const shapes = knownNames.map(([name]) => `${name.length} ${name[0]}`);
  expect(new Set(shapes).size).toBe(shapes.length);
});

test("every known name is found in any case", () => {
  for (const [name, id] of knownNames) {
    const text = `\n${name.toUpperCase()}:`;
    expect(fieldIdAt(text, 1, text.length - 1, false)).toBe(id);
  }
});

test.each([
  ["X-Forwarded-For", fieldId.forwardedFor],
  ["x-forwarded-whatever", fieldId.claimed],
  ["X-Accel-Buffering", fieldId.internal],
  ["X-Sendfile", fieldId.internal],
  ["CF-Ray", fieldId.claimed],
  ["Cache-Control", fieldId.other],
  ["Cfx", fieldId.other],
  ["Hose", fieldId.other],
  ["\x08ost", fieldId.other],
  [`C${"o".repeat(41)}`, fieldId.other],
])("%s has its id", (name, id) => {
  expect(fieldIdAt(name, 0, name.length, false)).toBe(id);
});
