/**
 * What the edge would do with one request: for `stack explain`.
 *
 *   node explain.js FILE
 *
 * FILE holds an `ExplainQuestion` as JSON; the `Explanation` is one JSON document on standard output.
 */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { type ExplainQuestion, explainRequest } from "../core/explaining/explain-request.ts";
import { createTrustCheck } from "../io/thread/trusted-proxies.ts";

setFlagsFromString("--enable-experimental-regexp-engine"); // for RegExp paths, as in the edge
const question = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ExplainQuestion;
process.stdout.write(`${JSON.stringify(explainRequest(question, createTrustCheck))}\n`);
