/** Why an address cannot be listened on, in words, with who has it. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { type ConfigPlace, formatAddress, type SocketAddress, type StackError } from "@stack/base";
import { listenFailed, portInUse, portNotPermitted } from "../errors.ts";
import { findPortHolder, userName } from "./port-holder.ts";

/** @param error what the system said; its `code` decides */
export function explainListen(
  error: NodeJS.ErrnoException,
  listener: SocketAddress,
  place: ConfigPlace | undefined,
): StackError {
  const address = formatAddress(listener);
  const port = listener.kind === "tcp" ? listener.port : null;
  switch (error.code) {
    case "EADDRINUSE": {
      const holder = port === null ? undefined : findPortHolder(port);
      return portInUse(
        {
          address,
          port,
          place,
          holder: holder?.text ?? null,
          holderPid: holder?.pid ?? null,
          holderStack: holder?.stack ?? null,
        },
        error,
      );
    }
    case "EACCES":
    case "EPERM": {
      const folder = listener.kind === "unix" ? dirname(listener.path) : "/";
      // libuv says EACCES of a folder that does not exist.
      if (!existsSync(folder)) {
        return listenFailed({ address, place, reason: `there is no folder ${folder}` }, error);
      }
      const uid = process.geteuid?.() ?? 0;
      const user = `${userName(uid)} (uid ${uid})`;
      return portNotPermitted({ address, port, place, user }, error);
    }
    default:
      return listenFailed({ address, place, reason: error.message }, error);
  }
}
