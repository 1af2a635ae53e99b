/** The states an operator sees, in JSON, dashboard and logs. The lifecycle's own names stay inside `process`. */
export const serviceStates = [
  "ready",
  "booting",
  "draining",
  "degraded",
  "crashed",
  "stopped",
  "disabled",
] as const;

export type ServiceState = (typeof serviceStates)[number];
