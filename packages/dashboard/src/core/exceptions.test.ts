import { expect, test } from "vitest";
import { type ExceptionLog, exceptionsOf, noExceptions, readExceptions } from "./exceptions.ts";

let second = 0;

function write(log: ExceptionLog, source: string, text: string): ExceptionLog {
  const lines = text.split("\n").map((one) => {
    second += 1;
    const at = `2026-11-22T12:${String(Math.floor(second / 60)).padStart(2, "0")}:${String(second % 60).padStart(2, "0")}.000Z`;
    return { at, source, stream: "err" as const, text: one };
  });
  return readExceptions(log, lines);
}

const traceback = (value: string): string => `Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/flask/app.py", line 1525, in full_dispatch_request
    rv = self.dispatch_request()
         ^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/shop/shop/views.py", line 41, in cart
    quantity = int(request.args["n"])
  File "/usr/lib/python3/dist-packages/werkzeug/http.py", line 7, in parse
    return int(value)
ValueError: invalid literal for int() with base 10: '${value}'`;

test("exceptions of one kind and place are one group, with the last message and traceback", () => {
  let log = write(noExceptions, "shop-1.1", `ERROR in app\n${traceback("a")}`);
  log = write(log, "shop-2.1", `${traceback("b")}\nGET /cart 500`);
  const [group, ...others] = exceptionsOf(log, "shop");
  expect(others).toEqual([]);
  expect(group).toMatchObject({
    owner: "shop",
    type: "ValueError",
    message: "invalid literal for int() with base 10: 'b'",
    place: "views.py:41 in cart",
    source: "shop-2.1",
    count: 2,
  });
  expect(group?.trace).toEqual(traceback("b").split("\n"));
  expect(exceptionsOf(log, "shop-blog")).toEqual([]);
});

test("lines of several workers may come mixed", () => {
  const one = traceback("1").split("\n");
  const two = traceback("2").split("\n");
  const log = one.reduce(
    (before, text, index) => write(write(before, "shop-1.1", text), "shop-1.2", two[index] ?? ""),
    noExceptions,
  );
  expect(exceptionsOf(log, "shop")).toMatchObject([{ count: 2 }]);
});

test("what follows from an exception is one with it, under the name of the last", () => {
  const chained = `${traceback("x")}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/shop/shop/views.py", line 50, in fallback
    raise KeyError("n") from None
KeyError: 'n'`;
  const log = write(noExceptions, "shop-1.1", `${chained}\nnext`);
  const groups = exceptionsOf(log, "shop");
  expect(groups).toMatchObject([{ type: "KeyError", place: "views.py:50 in fallback", count: 1 }]);
  expect(groups[0]?.trace).toEqual(chained.split("\n"));
});

test.for([
  [
    "a syntax error",
    'Traceback (most recent call last):\n  File "/srv/a.py", line 3\n    def x(:\n          ^\nSyntaxError: invalid syntax',
    { type: "SyntaxError", message: "invalid syntax", place: "a.py:3" },
  ],
  [
    "one without a message",
    'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    assert 0\nAssertionError',
    { type: "AssertionError", message: "", place: "a.py:1 in <module>" },
  ],
  [
    "a stack of Node",
    "TypeError: x is not a function\n    at parse (/srv/node_modules/qs/index.js:7:2)\n    at handler (file:///srv/api/server.mjs:12:5)\n    at node:internal/process:1:1\nlistening",
    { type: "TypeError", message: "x is not a function", place: "server.mjs:12 in handler" },
  ],
  [
    "a system error of Node with its properties",
    "Error [ERR_X]: connect ECONNREFUSED 127.0.0.1:1\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1:2) {\n  code: 'ECONNREFUSED'\n}\nnext",
    {
      type: "Error",
      message: "connect ECONNREFUSED 127.0.0.1:1",
      place: "node:net:1 in TCPConnectWrap.afterConnect [as oncomplete]",
    },
  ],
  [
    "a Node error behind a logger's prefix",
    "12:00 ERROR RangeError: too much\n    at f (/srv/a.js:1:2)",
    { type: "RangeError", message: "too much", place: "a.js:1 in f" },
  ],
] as const)("%s", ([, text, expected]) => {
  const log = write(noExceptions, "api-1.1", text);
  expect(exceptionsOf(log, "api")).toMatchObject([expected]);
});

test.for([
  "all is well\n    at 12:00 we closed",
  "Traceback (most recent call last):\nGET / 200 1ms",
  "  indented",
  "ValueError: told by a logger, without a traceback",
])("%j is no exception", (text) => {
  expect(exceptionsOf(write(noExceptions, "shop-1.1", `${text}\nnext`), "shop")).toEqual([]);
});

test("groups, lines of a trace and their length are bounded", () => {
  const frames = Array.from({ length: 300 }, (_, line) => `  File "a.py", line ${line}, in f`);
  const deep = ["Traceback (most recent call last):", ...frames, `E: ${"x".repeat(5_000)}`];
  let log = write(noExceptions, "shop-1.1", deep.join("\n"));
  const [group] = exceptionsOf(log, "shop");
  expect(group?.trace).toHaveLength(100);
  expect(group?.trace[0]).toBe("Traceback (most recent call last):");
  expect(group?.place).toBe("a.py:299 in f");
  expect(group?.message.length).toBeLessThan(500);
  for (let kind = 0; kind < 150; kind += 1) {
    log = write(
      log,
      "shop-1.1",
      `Traceback (most recent call last):\n  File "a.py", line ${kind}, in g\nE`,
    );
  }
  expect(log.groups.size).toBe(100);
  expect(exceptionsOf(log, "shop")[0]?.place).toBe("a.py:149 in g");
});
