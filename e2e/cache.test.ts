/** The cache under a whole stack: hits, `stack cache`, and what is given while the app is stopped. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./support/stack.ts";

const server = `import { createServer } from "node:http";
let count = 0;
createServer((request, response) => {
  count += 1;
  response.writeHead(200, { "Cache-Control": "max-age=60", "Cache-Tag": "all" });
  response.end(request.url + " " + count);
}).listen(process.env.PORT);
`;

let project: Project;

beforeAll(async () => {
  project = await createProject(
    (port) => `{
      name: "kept", redis: false, cache: { memory: "4mb" },
      edge: { listen: ["127.0.0.1:${port}"], threads: 1, routes: [
        { path: "/*", app: "web", cache: { mode: "http", staleWhileDown: "1h" } } ] },
      apps: { web: { kind: "node", cwd: ".", entry: "server.mjs", workers: 1 } },
    }`,
    { "server.mjs": server },
  );
  await project.up();
}, 120_000);

afterAll(async () => {
  await project[Symbol.asyncDispose]();
}, 60_000);

async function ask(path: string): Promise<readonly [text: string, status: string]> {
  const answer = await fetch(`http://127.0.0.1:${project.port}${path}`);
  return [await answer.text(), answer.headers.get("cache-status") ?? ""];
}

test("stack cache says what is kept, and lets go of it by tag", async () => {
  const [first] = await ask("/page");
  expect((await ask("/page"))[0]).toBe(first);
  const listed = await project.stack("cache", "ls", `127.0.0.1:${project.port}/`, "--json");
  const { data } = JSON.parse(listed.stdout) as { data: { records: { tags: string[] }[] } };
  expect(data.records.map(({ tags }) => tags)).toEqual([["all"]]);
  expect((await project.stack("cache", "purge", "--tag", "all")).code).toBe(0);
  expect((await ask("/page"))[0]).not.toBe(first);
  const stats = await project.stack("cache", "stats");
  expect(stats.stdout).toMatch(/^ {2}hit +1$/m);
  expect((await project.stack("cache", "purge")).code).toBe(2);
}, 120_000);

test("explain tells what is kept for a request, and what became of such requests so far", async () => {
  await ask("/explained");
  const url = `http://127.0.0.1:${project.port}`;
  const kept = await project.stack("explain", "GET", `${url}/explained`);
  expect(kept.stdout).toMatch(/^kept +\d+B, stored \d+s ago, goes in .*#all$/m);
  expect(kept.stdout).toMatch(/^so far +.*miss unknown \d+/m);
  const unknown = await project.stack("explain", "GET", `${url}/never`);
  expect(unknown.stdout).toMatch(/^kept +nothing now$/m);
}, 120_000);

test("an app that was stopped is stood in for, at once", async () => {
  const [kept] = await ask("/stopped");
  expect((await project.stack("stop", "web")).code).toBe(0);
  await project.stack("cache", "purge", "--all", "--soft");
  const [text, status] = await ask("/stopped");
  expect([text, status.includes("detail=down")]).toEqual([kept, true]);
}, 120_000);
