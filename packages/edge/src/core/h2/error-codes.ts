/** RFC 9113 §7: why a stream or a connection ends. Those that we say. */
export const h2ErrorCodes = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  streamClosed: 0x5,
  frameSizeError: 0x6,
  refusedStream: 0x7,
  compressionError: 0x9,
  enhanceYourCalm: 0xb,
} as const;
