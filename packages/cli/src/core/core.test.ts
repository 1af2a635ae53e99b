import type { ResolvedConfig } from "@stack/config";
import { expect, test } from "vitest";
import { exitRows, formatExitRows } from "./exit-table.ts";
import { commandHelp, commandNames, formatCommandHelp, rootHelp } from "./help.ts";
import { judgeAnswer } from "./judge-answer.ts";
import { judgeModule, type ModuleFacts } from "./judge-module.ts";
import { createLogFormatter } from "./log-format.ts";
import { decideColor, decideUnicode } from "./paint.ts";
import { escapeXml, formatJunit } from "./smoke-report.ts";
import { suggest } from "./suggest.ts";

test.for([
  [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
  [{ NO_COLOR: "" }, true, true],
  [{ FORCE_COLOR: "1" }, false, true],
  [{ FORCE_COLOR: "0" }, true, false],
  [{ TERM: "dumb" }, true, false],
  [{}, true, true],
  [{}, false, false],
] as const)("colour with %j on a terminal: %s is %s", ([env, isTerminal, expected]) => {
  expect(decideColor(env, isTerminal)).toBe(expected);
});

test.for([
  [{ LANG: "C" }, false],
  [{ LANG: "C.UTF-8" }, true],
  [{ LC_ALL: "POSIX", LANG: "en_US.UTF-8" }, false],
  [{ TERM: "linux", LANG: "C.UTF-8" }, false],
  [{}, true],
] as const)("unicode with %j is %s", ([env, expected]) => {
  expect(decideUnicode(env)).toBe(expected);
});

test.for([
  ["statsu", "status"],
  ["relaod", "reload"],
  ["up", "up"],
  ["lgos", "logs"],
  ["xyzzy", undefined],
  ["u", undefined],
] as const)("the nearest command to %s is %s", ([word, expected]) => {
  expect(suggest(word, commandNames)).toBe(expected);
});

test("every help fits a terminal of 80x24", () => {
  const helps = [
    rootHelp,
    formatExitRows(),
    ...commandNames.map((name) =>
      formatCommandHelp(commandHelp[name], [
        ["-d, --detach", "return when all is ready"],
        ["-x", ""],
        ["-y", ""],
      ]),
    ),
  ];
  for (const help of helps) {
    const lines = help.split("\n");
    expect(lines.length, help).toBeLessThanOrEqual(24);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(80);
  }
});

test("every exit code is listed once", () => {
  const codes = exitRows.map((row) => row.code);
  expect(codes).toEqual([...new Set(codes)]);
  expect(codes).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 75, 130]);
});

test.for([
  [{ status: 200, body: "Shop" }, true, '200, contains "Shop"'],
  [{ status: 500, body: "oops\n  twice" }, false, 'expected 200, got 500: "oops twice"'],
  [{ status: 200, body: "" }, false, '200, but its body has no "Shop": (empty body)'],
] as const)("an answer of %j is good: %s", ([answer, ok, detail]) => {
  const check = { path: "/", host: null, status: 200, contains: "Shop" };
  expect(judgeAnswer(check, answer)).toEqual({ ok, detail });
});

test("JUnit escapes what apps put into it", () => {
  const xml = formatJunit(
    'a<b>&"',
    [
      {
        name: "GET /?a=1&b=<x>",
        ok: false,
        tookMs: 12,
        detail: 'got "</failure>"\n\u0000\u001b]]>',
      },
    ],
    "2026-11-22T12:00:00.000Z",
  );
  expect(xml).toContain('name="GET /?a=1&amp;b=&lt;x&gt;"');
  expect(xml).toContain("&quot;&lt;/failure&gt;&quot;");
  for (const control of ["\u0000", "\u001b"]) expect(xml).not.toContain(control);
  expect(xml.match(/<\/failure>/g)).toHaveLength(1);
  expect(escapeXml("\ud800")).toBe("\ufffd");
});

type WsgiPlan = Extract<ResolvedConfig["apps"][string], { kind: "wsgi" }>;

const plan = {
  kind: "wsgi",
  name: "web",
  app: "app.main:application",
  cwd: "/srv/shop",
  python: "/usr/bin/python3",
  place: { file: "/srv/shop/deploy.config.ts", configPath: "apps.web" },
} as unknown as WsgiPlan;

const facts: ModuleFacts = {
  version: "3.11.2",
  tooOld: false,
  file: "/srv/shop/app/main.py",
  missing: null,
  siblings: [],
  names: ["application"],
};

test.for([
  [{}, undefined, undefined],
  [{ names: null }, undefined, undefined],
  [{ names: ["app", "db"] }, "E3001", 'apps.web.app = "app.main:app"'],
  [
    { file: null, missing: "app.main", siblings: ["mian"] },
    "E3001",
    'apps.web.app = "app.mian:application"',
  ],
  [{ file: null, missing: "app" }, "E3001", "create app.py, or correct apps.web.app"],
  [
    { tooOld: true, version: "3.7.0" },
    "E2102",
    'apps.web.python = "/usr/bin/python3"     # or another that is new enough',
  ],
] as const)("a module with %j is %s", ([part, code, fix]) => {
  const error = judgeModule(plan, { ...facts, ...part });
  expect(error?.code).toBe(code);
  expect(error?.report.fixes[0]).toBe(fix);
});

test.for([
  ["conf/site.wsgi", { names: ["app"] }, undefined],
  ["conf/site.wsgi", { names: ["main"] }, "define application in it, or correct apps.web.app"],
  ["conf/site.wsgi:main()", { names: ["main"] }, undefined],
  [
    "conf/sit.wsgi:app",
    { file: null, missing: "conf/sit.wsgi", siblings: ["conf/site.wsgi"] },
    'apps.web.app = "conf/site.wsgi:app"',
  ],
] as const)("the file %s with %j", ([app, part, fix]) => {
  const error = judgeModule({ ...plan, app }, { ...facts, ...part });
  expect(error?.report.fixes[0]).toBe(fix);
});

test("log lines have a name of constant width, the reader's clock, and no escape sequence", () => {
  const format = createLogFormatter({ color: false, time: true, offsetMinutes: 90 });
  const line = { at: "2026-11-22T23:03:55.101Z", source: "web-1.2", stream: "out" as const };
  expect(format({ ...line, text: "\u001b[2J\u001b]0;title\u0007hi\tthere\r" })).toBe(
    "00:33:55.101 web-1.2 | hi    there",
  );
  expect(format({ ...line, source: "edge", text: "x" })).toBe("00:33:55.101 edge    | x");
});
