/** Asks all threads what is under way, and answers stackd when they have said it. */
import type { RunningRequest } from "@stack/control";
import type { MainToThread } from "../../core/thread-messages.ts";

export interface RequestsDeskOptions {
  readonly post: (message: MainToThread) => void;
  readonly living: () => readonly number[];
  readonly answer: (id: number, requests: readonly RunningRequest[]) => void;
}

export interface RequestsDesk {
  readonly ask: (id: number) => void;
  readonly onAnswer: (thread: number, id: number, requests: readonly RunningRequest[]) => void;
}

/** A thread that is busy for longer is left out. */
const deadlineMs = 1_000;

export function createRequestsDesk(options: RequestsDeskOptions): RequestsDesk {
  const open = new Map<number, { missing: Set<number>; found: RunningRequest[] }>();

  function finish(id: number): void {
    const question = open.get(id);
    if (question === undefined) return;
    open.delete(id);
    options.answer(id, question.found);
  }

  return {
    ask(id) {
      open.set(id, { missing: new Set(options.living()), found: [] });
      options.post({ type: "list-requests", id });
      setTimeout(finish, deadlineMs, id).unref();
    },
    onAnswer(thread, id, requests) {
      const question = open.get(id);
      if (question === undefined || !question.missing.delete(thread)) return;
      question.found.push(...requests);
      if (question.missing.size === 0) finish(id);
    },
  };
}
