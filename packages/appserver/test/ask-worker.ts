/** One request to one worker, the way an edge sends it: in frames, or as HTTP on its socket. */
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { parseAddress } from "@stack/base";
import type { WorkerRecord } from "@stack/control";
import { frame } from "@stack/protocols";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export function ask(worker: WorkerRecord, path: string): Promise<Answer> {
  return worker.protocol === "http"
    ? askHttp(worker.address, path)
    : askFrames(worker.address, path);
}

function askHttp(address: string, path: string): Promise<Answer> {
  const target = parseAddress(address);
  const where =
    target?.kind === "unix"
      ? { socketPath: target.path }
      : { host: target?.host, port: target?.port };
  return new Promise((resolve, reject) => {
    const headers = { host: "shop.test", "content-type": "text/plain" };
    const exchange = httpRequest({ ...where, path, headers, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    exchange.on("error", reject);
    exchange.end();
  });
}

function askFrames(address: string, path: string): Promise<Answer> {
  const variables = ["REQUEST_METHOD", "GET", "SCRIPT_NAME", "", "PATH_INFO", path];
  variables.push("QUERY_STRING", "", "REQUEST_URI", path, "SERVER_NAME", "shop.test");
  variables.push("SERVER_PORT", "80", "SERVER_PROTOCOL", "HTTP/1.1", "REMOTE_ADDR", "127.0.0.1");
  variables.push("REMOTE_PORT", "1", "wsgi.url_scheme", "http", "HTTP_HOST", "shop.test");
  const payload = Buffer.from(variables.join("\0"), "latin1");
  const head = Buffer.alloc(4);
  head.writeUInt32LE(((frame.request << 24) | payload.length) >>> 0);
  return new Promise((resolve, reject) => {
    const socket = connect({ path: address.replace(/^unix:/, "") });
    let pending = Buffer.alloc(0);
    let status = 0;
    let body = "";
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 4) {
        const word = pending.readUInt32LE(0);
        const end = 4 + (word & 0xffffff);
        if (pending.length < end) return;
        const content = pending.toString("latin1", 4, end);
        const type = word >>> 24;
        pending = pending.subarray(end);
        if (type === frame.ready) socket.write(Buffer.concat([head, payload]));
        else if (type === frame.head) status = Number(content.slice(0, 3));
        else if (type === frame.body) body += content;
        else if (type === frame.fail) status = 500;
        if (type === frame.end || type === frame.fail) {
          resolve({ status, body });
          socket.destroy();
          return;
        }
      }
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed without an answer to ${path}`)));
  });
}
