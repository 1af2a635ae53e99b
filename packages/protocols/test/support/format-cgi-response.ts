/** The head of an answer as a FastCGI or SCGI server writes it (RFC 3875 §6.3). */

/**
 * @param fields `Name: value\r\n` lines, latin-1, valid, without framing and hop-by-hop fields
 * @param contentLength of the body in bytes; -1 when it is not known
 */
export function formatCgiResponse(
  status: number,
  reason: string,
  fields: string,
  contentLength: number,
): string {
  const length = contentLength < 0 ? "" : `Content-Length: ${contentLength}\r\n`;
  return `Status: ${status} ${reason}\r\n${fields}${length}\r\n`;
}
