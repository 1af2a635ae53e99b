export { sanitizeLine } from "./core/sanitize.ts";
export type { DashboardLogLine } from "./core/state.ts";
export { type DashboardEnd, type DashboardOptions, runDashboard } from "./io/run-dashboard.ts";
