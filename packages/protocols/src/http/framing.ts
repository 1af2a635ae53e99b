/** How a body is delimited on the side that is written, as one number: -1 none, -2 chunked, else its length. */

/** No body, and nothing said about one. */
export const noBody = -1;
/** Transfer-Encoding: chunked. */
export const chunkedBody = -2;

/** `noBody`, `chunkedBody`, or a length in bytes (0 is written as Content-Length: 0). */
export type Framing = number;
