/**
 * Prometheus' text format 0.0.4: families with their HELP and TYPE, one line per sample. Counters end
 * in `_total` and times are seconds, as Prometheus wants it; whoever writes a family says so in its
 * name.
 */

export type Labels = Readonly<Record<string, string | number>>;

export interface Histogram {
  /** In the unit of the name. */
  readonly sum: number;
  /** One per bound and one for what is beyond; not cumulative. */
  readonly counts: readonly number[];
}

export interface Exposition {
  readonly counter: (name: string, help: string, samples: Samples) => void;
  readonly gauge: (name: string, help: string, samples: Samples) => void;
  readonly histogram: (
    name: string,
    help: string,
    bounds: readonly number[],
    samples: readonly (readonly [Labels, Histogram])[],
  ) => void;
  /** All families, in the order they were given; those without a sample are left out. */
  readonly text: () => string;
}

/** A number alone is a family without labels. */
export type Samples = number | readonly (readonly [Labels, number])[];

export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

export function createExposition(): Exposition {
  const lines: string[] = [];
  const begin = (name: string, help: string, type: string): void => {
    lines.push(`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`);
  };
  const plain = (type: string) => (name: string, help: string, samples: Samples) => {
    const list = typeof samples === "number" ? [[{}, samples] as const] : samples;
    if (list.length === 0) return;
    begin(name, help, type);
    for (const [labels, value] of list) lines.push(formatSample(name, labels, value));
  };
  return {
    counter: plain("counter"),
    gauge: plain("gauge"),
    histogram(name, help, bounds, samples) {
      if (samples.length === 0) return;
      begin(name, help, "histogram");
      for (const [labels, { sum, counts }] of samples) {
        let total = 0;
        bounds.forEach((bound, index) => {
          total += counts[index] ?? 0;
          lines.push(formatSample(`${name}_bucket`, { ...labels, le: bound }, total));
        });
        total += counts[bounds.length] ?? 0;
        lines.push(
          formatSample(`${name}_bucket`, { ...labels, le: "+Inf" }, total),
          formatSample(`${name}_sum`, labels, sum),
          formatSample(`${name}_count`, labels, total),
        );
      }
    },
    text: () => (lines.length === 0 ? "" : `${lines.join("\n")}\n`),
  };
}

function formatSample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
  return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(value: string | number): string {
  return escapeHelp(String(value)).replaceAll('"', '\\"');
}
