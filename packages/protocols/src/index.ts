export {
  type CgiBlock,
  frame,
  frameHeaderBytes,
  initialWindow,
  maxBodyPayload,
  maxFramePayload,
  workerProtocolVersion,
} from "./worker/frames.ts";
