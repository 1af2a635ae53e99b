/**
 * What a route asks of a request besides host and path: `method`, `header`, `query`, `cookie`,
 * `client`. A route with conditions is asked before one without for the same host and path.
 */
import { z } from "zod";
import { isNetwork } from "../../core/cidr.ts";

const wanted = z.union([z.string().max(1024), z.boolean()], {
  error: "Use a text it must equal, true for present, false for absent",
});

function conditionsOn(what: string, name: RegExp) {
  return z
    .record(
      z.string().regex(name, `Is no name of a ${what}`),
      wanted.meta({ description: "A text it must equal, `true` for present, `false` for absent." }),
    )
    .optional();
}

const method = z.string().regex(/^[A-Z][A-Z-]{0,31}$/, 'Write a method like "GET", in capitals');
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export const routeConditions = {
  method: z
    .union([method, z.array(method).min(1)], {
      error: 'Use "GET" or ["GET", "POST"]',
    })
    .optional()
    .meta({
      description: "Only for these methods; GET is also HEAD.",
      examples: ["POST", ["GET", "POST"]],
    }),
  header: conditionsOn("header", token).meta({
    description:
      "Only with these headers: a text the value must equal, `true` for present, `false` for absent.",
    examples: [{ "x-beta": "1", authorization: true }],
  }),
  query: conditionsOn("parameter", /^[^&=#\s]+$/).meta({
    description: "Only with these query parameters, as they are written in the URL.",
    examples: [{ version: "2", debug: false }],
  }),
  cookie: conditionsOn("cookie", token).meta({
    description: "Only with these cookies.",
    examples: [{ beta: "yes" }],
  }),
  client: z
    .array(
      z.string().refine(isNetwork, {
        error: 'Is no address or network. Use "10.0.0.0/8" or "::1"',
      }),
    )
    .min(1)
    .optional()
    .meta({
      description: "Only for clients from these addresses and networks (CIDR).",
      examples: [["10.0.0.0/8", "::1"]],
    }),
};
