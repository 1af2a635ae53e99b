/**
 * The access log of an edge that is not root. It lies in a folder of root's, as web servers have it:
 * whoever may make and rename files there could lead root's own writers astray. So its user has the
 * file and not the folder, and what the folder is needed for is done here: a new file after the old one
 * was moved away, and moving it by size.
 */
import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { type Logger, rotateFile } from "@stack/base";
import type { AccessLogPlan, EdgeSettings } from "@stack/config";
import { giveFile, type Owner } from "./give-away.ts";

const checkMs = 1_000;

/** Looks after the log that the edge's settings name, for as long as stackd lives. */
export function keepAccessLog(edge: () => EdgeSettings, log: Logger): void {
  let told = "";
  let checking = false;

  async function check(): Promise<void> {
    const { user, plan } = edge();
    if (user === undefined || plan.accessLog === null) return;
    const { file, rotate } = plan.accessLog;
    try {
      if (rotate !== undefined) await rotateFile(file, rotate);
      giveAccessLog(plan.accessLog, user);
      told = "";
    } catch (error) {
      const { message } = error as Error;
      if (told !== message) log.warn(`the access log ${file} cannot be looked after: ${message}`);
      told = message;
    }
  }

  setInterval(() => {
    if (checking) return;
    checking = true;
    void check().finally(() => {
      checking = false;
    });
  }, checkMs).unref();
}

/** Throws the system's error. In a folder of its user's own the edge does it all itself. */
export function giveAccessLog({ file }: AccessLogPlan, user: Owner): void {
  if (lstatSync(dirname(file)).uid !== user.uid) giveFile(file, user);
}
