/** Everything that is measured, in the order of the report. */
import type { BenchCase } from "../lib/bench.ts";
import { proxy } from "./proxy.ts";
import { flaskJson, helloAsgi, helloWsgi } from "./python-chains.ts";
import { largeFile, mediumFile, smallFile } from "./static-files.ts";

export const cases: readonly BenchCase[] = [
  proxy,
  smallFile,
  mediumFile,
  largeFile,
  helloWsgi,
  flaskJson,
  helloAsgi,
];
