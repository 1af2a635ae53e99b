/** Everything that is measured, in the order of the report. */

import { blocking } from "./cases/blocking.ts";
import { cacheGrowth } from "./cases/cache-growth.ts";
import { cacheHit } from "./cases/cache-hit.ts";
import { cacheMemory } from "./cases/cache-memory.ts";
import { cacheRedis } from "./cases/cache-redis.ts";
import { growth } from "./cases/growth.ts";
import { idleConnections } from "./cases/idle-connections.ts";
import { slowAsgi, webSockets } from "./cases/many-at-once.ts";
import { djangoMemory, restingMemory } from "./cases/memory.ts";
import { proxy, proxyCrowd, proxyHttp2, proxyTls, proxyUnpinned } from "./cases/proxy.ts";
import { flaskJson, helloAsgi, helloWsgi } from "./cases/python-chains.ts";
import { routes } from "./cases/routes.ts";
import { slowClients } from "./cases/slow-clients.ts";
import { fork, start } from "./cases/start.ts";
import { largeFile, mediumFile, smallFile } from "./cases/static-files.ts";
import type { BenchCase } from "./lib/bench.ts";

export const cases: readonly BenchCase[] = [
  proxy,
  proxyUnpinned,
  proxyCrowd,
  proxyTls,
  proxyHttp2,
  smallFile,
  mediumFile,
  largeFile,
  cacheHit,
  cacheRedis,
  cacheMemory,
  helloWsgi,
  flaskJson,
  helloAsgi,
  blocking,
  slowClients,
  routes,
  idleConnections,
  djangoMemory,
  restingMemory,
  start,
  fork,
  slowAsgi,
  webSockets,
  growth,
  cacheGrowth,
];
