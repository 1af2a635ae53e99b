/** Reads Prometheus' text format as strictly as its own parser does, and more: for tests of metrics. */

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every sample; throws at the first thing that is not as it should be. */
export function readExposition(text: string): readonly ExposedSample[] {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const samples: ExposedSample[] = [];
  const types = new Map<string, string>();
  const seen = new Set<string>();
  let family = "";
  let helped = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) (?:[^\\]|\\\\|\\n)*$/.exec(line);
    if (help !== null) {
      helped = help[1] ?? "";
      if (types.has(helped)) fail(line, "the family comes twice");
      continue;
    }
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      family = type[1] ?? "";
      if (family !== helped) fail(line, "TYPE without its HELP");
      types.set(family, type[2] ?? "");
      continue;
    }
    const sample = readSample(line);
    checkSample(line, sample, family, types.get(family));
    const key = `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(key)) fail(line, "the sample comes twice");
    seen.add(key);
    samples.push(sample);
  }
  checkHistograms(samples, types);
  return samples;
}

function readSample(line: string): ExposedSample {
  const match =
    /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\[\\"n])*",?)*)\})? (\S+)$/.exec(line);
  if (match === null) return fail(line, "no sample");
  const value = match[3] === "+Inf" ? Number.POSITIVE_INFINITY : Number(match[3]);
  if (Number.isNaN(value)) fail(line, "no number");
  const labels: Record<string, string> = {};
  for (const [, name = "", text = ""] of (match[2] ?? "").matchAll(
    /([a-zA-Z_]\w*)="((?:[^"\\]|\\[\\"n])*)"/g,
  )) {
    if (name in labels) fail(line, "a label comes twice");
    labels[name] = text.replace(/\\([\\"n])/g, (_, char: string) => (char === "n" ? "\n" : char));
  }
  return { name: match[1] ?? "", labels, value };
}

function checkSample(
  line: string,
  { name, labels, value }: ExposedSample,
  family: string,
  type: string | undefined,
): void {
  if (type === "histogram") {
    if (!["_bucket", "_sum", "_count"].some((part) => name === family + part)) {
      fail(line, `not of the family ${family}`);
    }
    if (name.endsWith("_bucket") !== "le" in labels) fail(line, "le belongs to buckets");
  } else if (name !== family) fail(line, `not of the family ${family}`);
  if (type === "counter" && !name.endsWith("_total")) fail(line, "a counter ends in _total");
  if (type !== "gauge" && value < 0) fail(line, "it can only grow from 0");
}

function checkHistograms(
  samples: readonly ExposedSample[],
  types: ReadonlyMap<string, string>,
): void {
  for (const [family, type] of types) {
    if (type !== "histogram") continue;
    const last = new Map<string, { le: number; count: number }>();
    for (const { name, labels, value } of samples) {
      if (name === `${family}_bucket`) {
        const { le = "", ...rest } = labels;
        const key = JSON.stringify(rest);
        const bound = le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le);
        const before = last.get(key) ?? { le: Number.NEGATIVE_INFINITY, count: 0 };
        if (bound <= before.le || value < before.count) fail(name, "buckets are not cumulative");
        last.set(key, { le: bound, count: value });
      } else if (name === `${family}_count`) {
        const end = last.get(JSON.stringify(labels));
        if (end?.le !== Number.POSITIVE_INFINITY || end.count !== value) {
          fail(name, "its count is not that of its last bucket");
        }
      }
    }
  }
}

function fail(line: string, problem: string): never {
  throw new Error(`${problem}: ${line}`);
}
