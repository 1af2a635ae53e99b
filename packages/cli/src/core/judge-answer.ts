/** Whether an answer is what a smoke check expects, and in words what it was instead. */
import type { SmokeCheck } from "@stack/config";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Judgement {
  readonly ok: boolean;
  readonly detail: string;
}

export function judgeAnswer(check: SmokeCheck, answer: Answer): Judgement {
  if (answer.status !== check.status) {
    return {
      ok: false,
      detail: `expected ${check.status}, got ${answer.status}: ${excerpt(answer.body)}`,
    };
  }
  if (check.contains !== null && !answer.body.includes(check.contains)) {
    return {
      ok: false,
      detail: `${answer.status}, but its body has no ${JSON.stringify(check.contains)}: ${excerpt(answer.body)}`,
    };
  }
  const contains = check.contains === null ? "" : `, contains ${JSON.stringify(check.contains)}`;
  return { ok: true, detail: `${answer.status}${contains}` };
}

/** The beginning of a body on one line. */
function excerpt(body: string): string {
  const text = body.replace(/\s+/g, " ").trim();
  if (text === "") return "(empty body)";
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
