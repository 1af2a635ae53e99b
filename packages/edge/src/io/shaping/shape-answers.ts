/**
 * What a route changes about its answers, whoever gives them: `cors`, `responseHeaders`,
 * `replaceErrors`. Stands before the route's protection: a preflight has no login, and a refusal
 * has the route's headers as well.
 */
import type { RoutePlan } from "@stack/config";
import { headerValue } from "@stack/protocols";
import type { ErrorPages } from "../../core/error-pages.ts";
import { createCors, createEditAnswer } from "../../core/shaping/edit-answer.ts";
import { editFields } from "../client/answer-edits.ts";
import type { ClientExchange } from "../client/client-state.ts";
import type { Backend } from "../exchange.ts";
import { replaceErrors } from "./replace-errors.ts";

/** Returns true when it has answered the request. */
type Step = (exchange: ClientExchange) => boolean;

/** The backend itself where the route changes nothing. */
export function shapeAnswers(route: RoutePlan, inner: Backend, pages: ErrorPages): Backend {
  const steps: Step[] = [];
  if (route.responseHeaders !== undefined) {
    const edit = createEditAnswer(route.responseHeaders);
    steps.push((exchange) => {
      editFields(exchange, edit);
      return false;
    });
  }
  if (route.cors !== undefined) steps.push(corsStep(route.cors));
  if (route.replaceErrors === true) {
    steps.push((exchange) => {
      replaceErrors(exchange, pages);
      return false;
    });
  }
  if (steps.length === 0) return inner;
  return {
    wantsBody: inner.wantsBody,
    handle(exchange) {
      for (const step of steps) if (step(exchange as ClientExchange)) return;
      inner.handle(exchange);
    },
    retire: inner.retire,
  };
}

function corsStep(plan: NonNullable<RoutePlan["cors"]>): Step {
  const cors = createCors(plan);
  return (exchange) => {
    const { head } = exchange;
    const origin = headerValue(head, "origin");
    if (
      head.method === "OPTIONS" &&
      origin !== undefined &&
      headerValue(head, "access-control-request-method") !== undefined
    ) {
      exchange.answer(204, "", cors.preflight(origin), "");
      return true;
    }
    editFields(exchange, (fields) => cors.edit(fields, origin));
    return false;
  };
}
