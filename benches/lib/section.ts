/** What a case has found: a table for people, the same numbers for programs, and the bars. */

export interface Section {
  readonly title: string;
  /** How it was measured and what is special about it. */
  readonly note: string;
  readonly columns: readonly Column[];
  /** Ours first. */
  readonly rows: readonly Row[];
  readonly bars: readonly Bar[];
}

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
}

export interface Row {
  readonly name: string;
  readonly values: Readonly<Record<string, number>>;
}

/** A line of design §7: where we want to be, and where we are. */
export interface Bar {
  readonly work: string;
  /** Whom we are compared with; "–" for nobody. */
  readonly peer: string;
  readonly unit: "×" | " KB" | " MB" | " s" | " ms" | "";
  readonly value: number;
  readonly must: number;
  readonly aim: number;
  /** More is better: the bars are lower bounds. */
  readonly atLeast?: boolean;
}

export type Verdict = "aim reached" | "must reached" | "missed";

export function judge({ value, must, aim, atLeast = false }: Bar): Verdict {
  const reaches = (bar: number): boolean => (atLeast ? value >= bar : value <= bar);
  if (reaches(aim)) return "aim reached";
  return reaches(must) ? "must reached" : "missed";
}
