/**
 * What a developer's browser shows while the newest code of an app fails (`stack up --watch`). The
 * edge gives it to nobody else. It asks again by itself, and so goes away once the code is repaired.
 */
import type { ErrorReport } from "@stack/base";
import type { EdgePlan } from "@stack/config";

/** The plan with the page of every app that has failed. */
export function markFailedApps(
  plan: EdgePlan,
  failures: Readonly<Record<string, ErrorReport>>,
): EdgePlan {
  const marked = Object.entries(failures).flatMap(([app, report]) => {
    const settings = plan.apps[app];
    return settings === undefined
      ? []
      : [[app, { ...settings, failurePage: formatFailurePage(report) }] as const];
  });
  if (marked.length === 0) return plan;
  return { ...plan, apps: { ...plan.apps, ...Object.fromEntries(marked) } };
}

/** Seconds until the browser asks again. */
const againS = 1;

export function formatFailurePage({ code, title, place, facts = [], fixes }: ErrorReport): string {
  const where =
    place === undefined
      ? ""
      : `<p>${escapeHtml([place.file, place.line].filter((part) => part !== undefined).join(":"))}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="${againS}">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
pre { overflow: auto; padding: 1rem; border-left: 4px solid #d55e00; background: #8881 }
</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<pre>${escapeHtml(facts.join("\n"))}</pre>
${where}
<p>${fixes.map(escapeHtml).join("<br>")}</p>
<p><small>${code}. This page goes away by itself. Only browsers on this machine see it: programs, and
everybody else, are answered by the code before.</small></p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
