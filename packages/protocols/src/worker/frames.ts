/**
 * The worker protocol (design D5): what an edge thread and a Python worker say to each other over
 * the worker's own Unix socket. The Python twin is `appserver/python/stack_worker/frames.py`; a
 * test compares the numbers of both.
 *
 * A frame is a 32-bit little-endian word, `type << 24 | payload length`, then the payload.
 * One exchange at a time per connection; connections persist; closing one aborts its exchange.
 *
 *   worker → edge   READY                          only when it can take a request on this connection
 *   edge → worker   REQUEST | REQUEST_BODY, then for the latter BODY* END
 *   worker → edge   INFORM*  HEAD BODY* END        or FAIL in place of HEAD (the edge writes the 500)
 *   worker → edge   READY                          often in the same write as END
 *
 * READY holds until a request was sent on that connection. A worker that takes one request at a time reads
 * nothing else meanwhile: what is sent on its other connections waits in the kernel, and is not begun when
 * its connection is closed by then.
 *
 * Both bodies are bounded by a window of `initialWindow` bytes of BODY payload not yet granted
 * again by a WINDOW frame of the receiver, so that a reader never has to stop reading and sees the
 * other side's death at once. A worker that ends its answer before it read the whole request body
 * reads on and drops BODY frames, granting as it drops, until END, before it says READY.
 *
 * Each exchange begins with a full window both ways. A WINDOW frame that arrives between two
 * exchanges belongs to the one that ended and counts for nothing, so small bodies need no grants.
 *
 * Tunnel (RFC 9110 §7.8; WebSocket of RFC 6455): for an upgrade that the route allows the edge sends
 * REQUEST whose block names HTTP_UPGRADE, HTTP_CONNECTION (`upgrade`) and the HTTP_SEC_WEBSOCKET_*
 * fields as the client sent them; no BODY frame of either side precedes the answer. The worker accepts
 * with HEAD `101 Switching Protocols` and its fields (`Upgrade`, for WebSocket `Sec-WebSocket-Accept`:
 * the edge writes `Connection: upgrade` and checks the rest), or refuses with any other HEAD, which is
 * an ordinary answer. After the 101 BODY frames carry raw bytes both ways, each way under a window
 * that begins full; END from either side is a half-close of that direction; after both ENDs READY.
 * A tunnel keeps its connection and its slot until then; closing the connection aborts it.
 *
 * A shared connection: where a worker's record says so, many exchanges go over one connection at a time.
 * STREAM names the one that all frames up to the next STREAM belong to; the edge counts them and takes no
 * number twice. It sends REQUEST, or REQUEST_BODY with the whole body in the same write, after the first
 * READY only; END or FAIL end the exchange, and no READY follows. ABORT of either side ends the exchange it
 * names early: what crossed it on the wire is passed over. The window of each answer is `streamWindow`, and
 * there are no tunnels: whatever may take long to arrive goes over a connection of its own.
 *
 * GOAWAY (worker → edge, at any frame boundary, once per connection): send no new request here. A
 * REQUEST that crossed it on the wire is still served. The edge closes the connection as soon as no
 * exchange is in flight on it, and the worker exits when all its connections are closed.
 */

/** Version spoken; the worker names it in READY's payload so that a mismatch is an error, not noise. */
export const workerProtocolVersion = 1;

export const frame = {
  /** Payload: CGI block. No body follows. */
  request: 1,
  /** Payload: CGI block. BODY* END follow. */
  requestBody: 2,
  /** Payload: 1 to `maxBodyPayload` bytes of body, either direction. */
  body: 3,
  /** Empty payload: the body, and in an answer the answer, is complete. Either direction. */
  end: 4,
  /** Payload: u32 LE, bytes of BODY the receiver has room for again. Either direction. */
  window: 5,
  /** Payload: u32 LE, the exchange that the next frames belong to. Either direction, shared connections only. */
  stream: 6,
  /** Payload: u32 LE, the exchange that is over before its end. Either direction, shared connections only. */
  abort: 7,
  /** Payload: u8 protocol version. */
  ready: 16,
  /** Payload, latin-1: `200 OK\r\nName: value\r\n…`, each line ended by CRLF, no empty line. */
  head: 17,
  /** The app raised before its head was sent; empty payload, the traceback is in the log. */
  fail: 18,
  /** A 1xx head in the form of HEAD. */
  inform: 19,
  /** Empty payload. */
  goaway: 20,
} as const;

export const frameHeaderBytes = 4;
export const maxBodyPayload = 64 * 1024;
/** Largest payload of any frame; a longer one is a protocol error and closes the connection. */
export const maxFramePayload = 1024 * 1024;
/** BODY bytes that may be under way before the receiver grants more, in each direction. */
export const initialWindow = 1024 * 1024;
/** The same for an answer on a shared connection, where the edge cannot stop reading one of them. */
export const streamWindow = 256 * 1024;

/**
 * The CGI block: latin-1 `KEY\0VALUE\0KEY\0VALUE`, no trailing NUL, so that Python decodes it with
 * one `split` and one `zip`. Bytes above 0x7f in the path and in header values are passed as they
 * came (PEP 3333: native strings are latin-1 decoded bytes).
 *
 * Keys, in any order: REQUEST_METHOD, SCRIPT_NAME, PATH_INFO (percent-decoded), QUERY_STRING,
 * REQUEST_URI (target as received), SERVER_NAME, SERVER_PORT, SERVER_PROTOCOL, REMOTE_ADDR,
 * REMOTE_PORT, `wsgi.url_scheme`, CONTENT_TYPE, CONTENT_LENGTH (only when the client gave one),
 * and HTTP_* for every forwarded header (equal names joined by "," as RFC 3875 §4.1.18 has it,
 * Cookie by "; "; never CONTENT_TYPE, CONTENT_LENGTH, names with "_", hop-by-hop fields or Proxy).
 */
export type CgiBlock = string;
