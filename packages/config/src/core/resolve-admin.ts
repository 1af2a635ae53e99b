/** `edge.admin` and `edge.accessLog.rotate` as the edge reads them. */
import type { AccessLogPlan, AdminPlan } from "../plans.ts";
import type { ParsedConfig } from "../schema/config.ts";

/** @param absolute a path of the config, made absolute */
export function resolveAdmin(
  admin: ParsedConfig["edge"]["admin"],
  absolute: (path: string) => string,
): AdminPlan | null {
  if (admin === false) return null;
  if (admin === undefined) return { address: null, token: null };
  const { address, token } =
    typeof admin === "string" ? { address: admin, token: undefined } : admin;
  const isUnix = address.startsWith("unix:");
  return {
    address: isUnix ? `unix:${absolute(address.slice("unix:".length))}` : address,
    token: token ?? null,
  };
}

export function resolveRotation(
  rotate: { readonly size: number; readonly keep: number } | undefined,
): Pick<AccessLogPlan, "rotate"> {
  return rotate === undefined ? {} : { rotate: { bytes: rotate.size, keep: rotate.keep } };
}
