/** What can go wrong in @stack/edge, in the operator's words. */
import { defineError, exitCodes } from "@stack/base";

export const listenFailed = defineError(
  "E4001",
  exitCodes.environment,
  ({ listener, address }: { listener: string; address: string }) => ({
    title: `The edge cannot listen on ${address} (${listener})`,
    fixes: ["stack restart edge"],
  }),
);

export const adminSocketFailed = defineError(
  "E4002",
  exitCodes.environment,
  ({ path, reason }: { path: string; reason: string }) => ({
    title: `The edge cannot open its socket ${path}: ${reason}`,
    fixes: [`ls -ld ${path.slice(0, path.lastIndexOf("/"))}`],
  }),
);

export const certificateUnusable = defineError(
  "E4003",
  exitCodes.environment,
  ({ file, reason }: { file: string; reason: string }) => ({
    title: `The certificate file ${file} cannot be used: ${reason}`,
    fixes: [`ls -l ${file}`, "stack reload edge"],
  }),
);
