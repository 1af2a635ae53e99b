export { findCgiHeadEnd } from "./cgi/find-cgi-head-end.ts";
export {
  type CgiParams,
  formatCgiParams,
  noScript,
  scriptLookupPath,
} from "./cgi/format-params.ts";
export {
  type CgiRequestFacts,
  createCgiRequestFacts,
  parseCgiRequest,
} from "./cgi/parse-cgi-request.ts";
export { parseCgiResponse } from "./cgi/parse-cgi-response.ts";
export { type ScriptPath, splitScriptPath } from "./cgi/script-path.ts";
export {
  abortRequest,
  encodeAnswerEnd,
  encodeEndRequest,
  encodeFastcgiRequest,
  encodeOutput,
  stdinEnd,
  stdinStart,
  stdoutStart,
} from "./fastcgi/encode-fastcgi.ts";
export {
  createFastcgiAnswerReader,
  type FastcgiAnswerReader,
  readFastcgiAnswer,
  resetFastcgiAnswerReader,
} from "./fastcgi/read-fastcgi-answer.ts";
export {
  createFastcgiRequestReader,
  type FastcgiEvent,
  type FastcgiRequestReader,
  finishFastcgiRequest,
  maxFastcgiParams,
  readFastcgiRequest,
} from "./fastcgi/read-fastcgi-request.ts";
export { maxRecordContent, protocolStatus, recordPadding, recordType } from "./fastcgi/records.ts";
export {
  createHpackDecoder,
  type FieldBlock,
  type HpackDecoder,
  type HpackDecoderOptions,
} from "./hpack/decoder.ts";
export { createHpackEncoder, type HpackEncoder } from "./hpack/encoder.ts";
export { type AcceptedEncodings, parseAcceptEncoding } from "./http/accept-encoding.ts";
export { trimBlanks } from "./http/blanks.ts";
export {
  type ChunkedDecoder,
  chunkEnd,
  chunkStart,
  createChunkedDecoder,
  decodeChunked,
  lastChunk,
  resetChunkedDecoder,
} from "./http/chunked.ts";
export { resolveClientAddress } from "./http/client-address.ts";
export {
  evaluatePreconditions,
  ifRangeHolds,
  type Preconditions,
  type Representation,
  strongMatch,
  weakMatch,
} from "./http/conditional.ts";
export { formatHttpDate, parseHttpDate } from "./http/dates.ts";
export { editHeadLines } from "./http/edit-head.ts";
export { findHeadEnd } from "./http/find-head-end.ts";
export { flatCopy } from "./http/flat.ts";
export { formatCgiBlock } from "./http/format-cgi.ts";
export { formatForwardedRequest, forwardedTarget } from "./http/format-forward.ts";
export {
  type ClientMemo,
  createClientMemo,
  type ForwardOptions,
  viaName,
} from "./http/forward-rules.ts";
export { chunkedBody, contentLengthLine, type Framing, noBody } from "./http/framing.ts";
export {
  type HeadLines,
  headerValue,
  lineField,
  lineName,
  lineStride,
  lineValue,
} from "./http/head-lines.ts";
export { type FieldId, fieldId } from "./http/header-names.ts";
export { type Authority, parseAuthority } from "./http/host.ts";
export { findLineProblem, parseRequestHead } from "./http/parse-request.ts";
export { parseResponseHead, parseWorkerHead } from "./http/parse-response.ts";
export { decodePath, normalisePath } from "./http/path.ts";
export {
  type BytePart,
  decideRange,
  formatContentRange,
  type RangeDecision,
} from "./http/ranges.ts";
export { continueResponse, reasonOf, statusLine } from "./http/reasons.ts";
export {
  clearRequestHead,
  copyRequestHead,
  createRequestHead,
  type HeadLimits,
  maxTargetBytes,
  type RequestHead,
} from "./http/request-head.ts";
export {
  type BodyKind,
  clearResponseHead,
  createResponseHead,
  type ResponseHead,
} from "./http/response-head.ts";
export { encodeProxyHeader, type ProxyAddresses } from "./proxy-protocol/encode-proxy-header.ts";
export {
  createProxyHeader,
  maxProxyHeaderBytes,
  type ProxyHeader,
  parseProxyHeader,
} from "./proxy-protocol/parse-proxy-header.ts";
export { encodeScgiRequest } from "./scgi/encode-scgi.ts";
export {
  createScgiReader,
  maxScgiVariables,
  readScgi,
  type ScgiReader,
} from "./scgi/read-scgi.ts";
export { encodeUwsgiRequest, maxUwsgiVariables } from "./uwsgi/encode-uwsgi.ts";
export { createUwsgiReader, readUwsgi, type UwsgiReader } from "./uwsgi/read-uwsgi.ts";
export {
  bodyFrameStart,
  encodeAbort,
  encodeHead,
  encodeInform,
  encodeRequest,
  encodeStream,
  encodeWindow,
  endFrame,
  failFrame,
  frameStart,
  goawayFrame,
  readyFrame,
} from "./worker/encode-frames.ts";
export {
  type CgiBlock,
  frame,
  frameHeaderBytes,
  initialWindow,
  maxBodyPayload,
  maxFramePayload,
  streamWindow,
  workerProtocolVersion,
} from "./worker/frames.ts";
export {
  type AnswerState,
  createEdgeFrameReader,
  createSharedFrameReader,
  createWorkerFrameReader,
  type EdgeEvents,
  type FrameReader,
  type SharedEvents,
  type WorkerEvents,
} from "./worker/read-frames.ts";
