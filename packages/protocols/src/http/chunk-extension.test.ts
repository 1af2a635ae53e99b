import { expect, test } from "vitest";
import { extensionState, nextExtensionState } from "./chunk-extension.ts";

function isExtension(text: string): boolean {
  let state: number = extensionState.gap;
  for (const byte of Buffer.from(`${text}\r`, "latin1")) {
    state = nextExtensionState(state, byte);
    if (state === extensionState.broken) return false;
    if (state === extensionState.end) return true;
  }
  return false;
}

test.for([
  ";a",
  ";a=b",
  ";a;b;c=d",
  ';a=""',
  ';a="b c;d=e"',
  ';a="\\"\\\\"',
  ';a="\t\x80\xff"',
  " ;\ta = b ; c",
  ' ; a="b" ;c',
])("%j is one", (text) => {
  expect(isExtension(text)).toBe(true);
});

test.for([
  "",
  " ",
  ";",
  "; ",
  ";;a",
  ";=b",
  ";a=",
  ";a= ",
  ";a=;b",
  ";a ",
  ";a=b ",
  ";a b",
  ";a=b c",
  ";a==b",
  ";a=b=c",
  ";a/b",
  ';"a"',
  ';a="b',
  ';a="b\\"',
  ';a="b"c',
  ';a=b"c"',
  ";a\n",
  ";a=\0",
  ';a="\n"',
  ';a="\\\n"',
  ';a="\x7f"',
  ",a",
])("%j is none", (text) => {
  expect(isExtension(text)).toBe(false);
});
