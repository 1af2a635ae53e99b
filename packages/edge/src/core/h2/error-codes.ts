/** RFC 9113 §7: why a stream or a connection ends. Those that we say. */
export const h2ErrorCodes = {
  noError: 0x0,
  protocolError: 0x1,
  internalError: 0x2,
  flowControlError: 0x3,
  enhanceYourCalm: 0xb,
} as const;
