/** One HTTP request to the public port, on a connection of its own. */
import { type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Answer } from "../core/judge-answer.ts";

const timeoutMs = 10_000;
const mostBytes = 4 * 2 ** 20;

/**
 * @param base "http://127.0.0.1:8080", "https://…" or "unix:/path"
 * Rejects when there is no answer.
 */
export function ask(base: string, path: string, host: string | null): Promise<Answer> {
  const target = base.startsWith("unix:")
    ? { socketPath: base.slice("unix:".length) }
    : { host: new URL(base).hostname, port: new URL(base).port };
  return new Promise((resolve, reject) => {
    const name = (host ?? "localhost").replace(/:\d+$/, "");
    // It is our own edge that is asked, by its address: what its certificate says is no matter here.
    const request = (options: RequestOptions, onAnswer: (response: IncomingMessage) => void) =>
      base.startsWith("https:")
        ? requestHttps({ ...options, servername: name, rejectUnauthorized: false }, onAnswer)
        : requestHttp(options, onAnswer);
    const asked = request(
      {
        ...target,
        path,
        agent: false,
        timeout: timeoutMs,
        headers: { host: host ?? "localhost", "user-agent": "stack-smoke", connection: "close" },
      },
      (response: IncomingMessage) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          if (body.length < mostBytes) body += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        response.on("error", reject);
      },
    );
    asked.on("timeout", () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    asked.on("error", reject);
    asked.end();
  });
}
