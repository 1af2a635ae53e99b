/**
 * Node's HTTP/2, which is slow to load and costs each thread its memory: loaded by the first listener
 * that speaks it.
 */
export function nodeHttp2(): typeof import("node:http2") {
  return process.getBuiltinModule("node:http2");
}
