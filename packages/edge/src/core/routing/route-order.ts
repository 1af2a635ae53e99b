/**
 * Which of two routes for the same host and place of the path is asked first. Nothing here depends
 * on the order in the config; docs/guides/routing.md tells the same in words.
 */
import type { RouteConditions, RoutePlan } from "@stack/config";

/** For `sort`: the more specific first. */
export function compareRoutes(a: RoutePlan, b: RoutePlan): number {
  const [one, two] = [a.pattern?.source ?? "", b.pattern?.source ?? ""];
  // A pattern says more than the prefix it stands at, and a longer one more than a shorter.
  return (
    two.length - one.length ||
    byText(one, two) ||
    countOf(b.conditions) - countOf(a.conditions) ||
    compareConditions(a.conditions, b.conditions)
  );
}

/** Each method list, header, parameter, cookie and list of networks is one condition. */
function countOf(conditions: RouteConditions | undefined): number {
  if (conditions === undefined) return 0;
  const { methods, headers, query, cookies, clients } = conditions;
  const lists = Math.min(methods.length, 1) + Math.min(clients.length, 1);
  return lists + headers.length + query.length + cookies.length;
}

function compareConditions(a: RouteConditions | undefined, b: RouteConditions | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return (
    widest(b.clients) - widest(a.clients) ||
    b.cookies.length - a.cookies.length ||
    b.headers.length - a.headers.length ||
    b.query.length - a.query.length ||
    valuesOf(b) - valuesOf(a) ||
    fewest(a.methods) - fewest(b.methods) ||
    byText(JSON.stringify(a), JSON.stringify(b))
  );
}

/** The shortest mask of a list: the longer it is, the fewer clients it means; -1 for any client. */
function widest(clients: readonly string[]): number {
  if (clients.length === 0) return -1;
  return Math.min(
    ...clients.map((one) => {
      const width = one.includes(":") ? 128 : 32;
      const slash = one.indexOf("/");
      return (slash < 0 ? width : Number(one.slice(slash + 1))) / width;
    }),
  );
}

/** Conditions that name a value say more than those that ask whether something is there. */
function valuesOf({ headers, query, cookies }: RouteConditions): number {
  return [...headers, ...query, ...cookies].filter(([, wanted]) => typeof wanted === "string")
    .length;
}

function fewest(methods: readonly string[]): number {
  return methods.length === 0 ? Number.MAX_SAFE_INTEGER : methods.length;
}

function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
