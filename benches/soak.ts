/**
 * Full load for a while, and whether the edge grows: `node benches/soak.ts [seconds] [churners]`. By
 * hand, on a machine that does nothing else. Memory and descriptors of the edge are read every
 * second; the first third is warm-up: after it neither may grow. Exit 1 when one does, or when a
 * request failed. Churners beside the load abort large answers, bodies and WebSockets; what they
 * leave is freed by V8's next full collection, so memory moves in steps: give it five minutes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { createProject } from "../e2e/support/stack.ts";

const seconds = Number(process.argv[2] ?? 60);
/**
 * Of resident memory, from the second third to the last. V8 enlarges each thread's young generation
 * for minutes, up to its bound (`edge/src/io/main/thread-pool.ts`).
 */
const growthAllowed = 1.25;
const descriptorsAllowed = 8;
const churners = Number(process.argv[3] ?? 0);

const app = `import { createHash } from "node:crypto";
const page = "x".repeat(20_000);
export default (request, response) => {
  request.resume().on("end", () => response.end(request.url === "/page" ? page.repeat(50) : page));
};
export function upgrade(request, socket) {
  const accept = createHash("sha1")
    .update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    .digest("base64");
  socket.on("error", () => {});
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: " + accept + "\\r\\n\\r\\n");
  socket.pipe(socket);
}
`;

const disorders = [
  "GET /page HTTP/1.1\r\nHost: a.test\r\n\r\n",
  `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n${"x".repeat(50_000)}`,
  "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello",
];

/** Connects, asks for something and leaves in the middle of it, again and again. */
async function churn(port: number, until: number): Promise<number> {
  let left = 0;
  while (performance.now() < until) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(disorders[left % disorders.length] ?? "");
    await Promise.race([once(socket, "data"), wait(50)]).catch(() => {});
    socket.destroy();
    left += 1;
  }
  return left;
}

interface Sample {
  readonly rssMb: number;
  readonly descriptors: number;
}

function sample(pid: number): Sample {
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  return { rssMb: Number(rss?.[1] ?? 0) / 1024, descriptors };
}

function median(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const sorted = samples.map(of).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function soak(): Promise<boolean> {
  await using project = await createProject(
    (port) => `{
      name: "soak",
      redis: false,
      edge: { listen: ["127.0.0.1:${port}"], threads: 2, routes: [{ path: "/*", app: "soak" }] },
      apps: { soak: { kind: "node", entry: "soak.mjs", workers: 2 } },
    }`,
    { "soak.mjs": app },
  );
  const status = await project.up();
  const pid = status.processes.find((one) => one.kind === "edge")?.pid;
  if (pid === undefined || pid === null) throw new Error("the edge has no pid");
  const url = `http://127.0.0.1:${project.port}/`;
  const wrk = spawn("wrk", ["-t1", "-c64", `-d${seconds}s`, url]);
  let report = "";
  wrk.stdout.setEncoding("utf8").on("data", (text: string) => {
    report += text;
  });
  const ended = once(wrk, "close");
  const until = performance.now() + seconds * 1000;
  const churned = Array.from({ length: churners }, () => churn(project.port, until));
  const samples: Sample[] = [];
  while (performance.now() < until) {
    await wait(1_000);
    const now = sample(pid);
    samples.push(now);
    process.stdout.write(
      `${samples.length} s  ${now.rssMb.toFixed(1)} MB  ${now.descriptors} fd\n`,
    );
  }
  await ended;
  const left = (await Promise.all(churned)).reduce((sum, one) => sum + one, 0);
  const third = Math.floor(samples.length / 3);
  const before = samples.slice(third, 2 * third);
  const after = samples.slice(2 * third);
  const growth = median(after, (one) => one.rssMb) / median(before, (one) => one.rssMb);
  const more = median(after, (one) => one.descriptors) - median(before, (one) => one.descriptors);
  const failed = /Non-2xx|Socket errors/.test(report);
  process.stdout.write(
    `${report}${left} connections that left; memory ×${growth.toFixed(3)}, ${more} more descriptors\n`,
  );
  return growth <= growthAllowed && more <= descriptorsAllowed && !failed;
}

process.exitCode = (await soak()) ? 0 : 1;
