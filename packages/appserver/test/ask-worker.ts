/** One request to one worker, the way an edge sends it: in frames, or as HTTP on its socket. */
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { parseAddress } from "@stack/base";
import type { WorkerRecord } from "@stack/control";
import { createWorkerFrameReader, encodeRequest } from "@stack/protocols";

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
  return new Promise((resolve, reject) => {
    const socket = connect({ path: address.replace(/^unix:/, "") });
    let status = 0;
    let body = "";
    const finish = (): void => {
      resolve({ status, body });
      socket.destroy();
    };
    const reader = createWorkerFrameReader({
      onReady: () => void socket.write(encodeRequest(variables.join("\0"), false), "latin1"),
      onInform() {},
      onHead(text) {
        status = Number(text.slice(0, 3));
      },
      onBody(buffer, start, end) {
        body += buffer.toString("latin1", start, end);
      },
      onEnd: finish,
      onFail() {
        status = 500;
        finish();
      },
      onWindow() {},
      onGoaway() {},
    });
    socket.on("data", (chunk) => {
      reader.push(chunk, 0, chunk.length);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed without an answer to ${path}`)));
  });
}
