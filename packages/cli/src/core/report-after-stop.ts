/**
 * What a service died of, once all is stopped because of it: the error was written where the stack
 * would go on without that service, and its way back is another one now.
 */
import type { ErrorReport } from "@stack/base";

export function reportAfterStop(report: ErrorReport): ErrorReport {
  const { facts } = report;
  return {
    ...report,
    ...(facts === undefined
      ? {}
      : { facts: facts.filter((fact) => !fact.startsWith("other services are not affected")) }),
    fixes: report.fixes.map((fix) =>
      fix.replace(/\bthen: stack (?:reload|start|restart) \S+$/, "then: stack up"),
    ),
  };
}
