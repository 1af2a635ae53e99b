/**
 * The edge's side of one GET over the worker protocol, as a health check needs it: only the status
 * of the answer matters, its body is granted and dropped. Pure: bytes in, bytes out.
 */
import { frame, frameHeaderBytes, maxFramePayload, workerProtocolVersion } from "@stack/protocols";
import type { HealthAnswer } from "./health-tally.ts";

export interface ProbeStep {
  /** To be written to the worker. */
  readonly send: readonly Uint8Array[];
  /** Known once the exchange is over; then the connection is closed. */
  readonly answer: HealthAnswer | undefined;
}

export interface ProbeExchange {
  readonly push: (chunk: Uint8Array) => ProbeStep;
}

export function createProbeExchange(path: string): ProbeExchange {
  let pending = Buffer.alloc(0);
  let asked = false;
  let status: number | undefined;

  function take(type: number, payload: Buffer, send: Uint8Array[]): HealthAnswer | undefined {
    switch (type) {
      case frame.ready:
        if (payload[0] !== workerProtocolVersion) return broken(`speaks version ${payload[0]}`);
        if (!asked) send.push(encodeFrame(frame.request, cgiBlock(path)));
        asked = true;
        return undefined;
      case frame.inform:
        return undefined;
      case frame.head:
        status = Number(payload.toString("latin1", 0, 3));
        return undefined;
      case frame.fail:
        return { kind: "status", status: 500 };
      case frame.body: {
        const grant = Buffer.alloc(4);
        grant.writeUInt32LE(payload.length);
        send.push(encodeFrame(frame.window, grant));
        return undefined;
      }
      case frame.end:
        return status === undefined ? broken("ended without a head") : { kind: "status", status };
      case frame.goaway:
        return asked ? undefined : broken("is draining");
      default:
        return undefined; // WINDOW: nothing of ours is waiting for it
    }
  }

  return {
    push(chunk) {
      pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
      const send: Uint8Array[] = [];
      let start = 0;
      while (pending.length - start >= frameHeaderBytes) {
        const word = pending.readUInt32LE(start);
        const length = word & 0xffffff;
        if (length > maxFramePayload) return { send, answer: broken("sent a frame too long") };
        const end = start + frameHeaderBytes + length;
        if (pending.length < end) break;
        const answer = take(word >>> 24, pending.subarray(start + frameHeaderBytes, end), send);
        start = end;
        if (answer !== undefined) return { send, answer };
      }
      pending = pending.subarray(start);
      return { send, answer: undefined };
    },
  };
}

function broken(reason: string): HealthAnswer {
  return { kind: "broken", reason };
}

function encodeFrame(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes + payload.length);
  bytes.writeUInt32LE(((type << 24) | payload.length) >>> 0);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}

function cgiBlock(target: string): Buffer {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const variables = {
    REQUEST_METHOD: "GET",
    SCRIPT_NAME: "",
    PATH_INFO: Buffer.from(decodeURIComponent(path)).toString("latin1"),
    QUERY_STRING: mark < 0 ? "" : target.slice(mark + 1),
    REQUEST_URI: target,
    SERVER_NAME: "localhost",
    SERVER_PORT: "80",
    SERVER_PROTOCOL: "HTTP/1.1",
    REMOTE_ADDR: "127.0.0.1",
    REMOTE_PORT: "0",
    "wsgi.url_scheme": "http",
    HTTP_HOST: "localhost",
    HTTP_USER_AGENT: "stack-health",
  };
  return Buffer.from(Object.entries(variables).flat().join("\0"), "latin1");
}
