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

/** The shape of each state, beside its word and never instead of it; for UTF-8 and ASCII terminals. */
export const stateShapes: Readonly<
  Record<ServiceState, { readonly unicode: string; readonly ascii: string }>
> = {
  ready: { unicode: "●", ascii: "*" },
  booting: { unicode: "◐", ascii: "~" },
  draining: { unicode: "◐", ascii: "~" },
  degraded: { unicode: "▲", ascii: "!" },
  crashed: { unicode: "✖", ascii: "x" },
  stopped: { unicode: "■", ascii: "#" },
  disabled: { unicode: "○", ascii: "o" },
};
