/** A config's value to a `ResolvedConfig`: checked by the schema, against itself and against the disk. */
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { checkAccounts } from "../core/check-accounts.ts";
import { crossCheck } from "../core/cross-check.ts";
import { explainIssues } from "../core/explain-issues.ts";
import { type Places, placeOf } from "../core/place-of.ts";
import { problemsError } from "../core/problem.ts";
import { resolveConfig } from "../core/resolve.ts";
import { searchPath } from "../core/search-path.ts";
import { redisServerMissing } from "../errors.ts";
import type { RedisPlan, ResolvedConfig, UserPlan } from "../plans.ts";
import { configSchema, type ParsedConfig } from "../schema/config.ts";
import { type Accounts, readAccounts } from "./accounts.ts";
import { findOnPath, findPython } from "./find-python.ts";

export interface CheckContext {
  /** Absolute. */
  readonly file: string;
  readonly source: string;
  readonly places: Places;
  /** In place of `.stack` beside the config. */
  readonly stateFolder?: string | undefined;
  readonly env: { readonly PATH?: string | undefined; readonly REDIS_URL?: string | undefined };
  readonly cpuCount: number;
}

/** @throws E1002 with every problem at once; E2302 */
export function checkConfig(input: unknown, context: CheckContext): ResolvedConfig {
  const { file, places, source } = context;
  const folder = dirname(file);
  const shownFile = basename(file);
  const absolute = (path: string): string => resolve(folder, path);

  const accounts = readAccounts();
  const ownUid = process.getuid?.() ?? 0;

  const result = configSchema.safeParse(input, { reportInput: false });
  const problems = [
    ...(result.success ? [] : explainIssues(result.error.issues, input)),
    ...crossCheck(input, (path) => ({
      absolute: absolute(path),
      state: folderState(absolute(path)),
    })),
    ...checkAccounts(input, {
      uid: (written) => accounts.user(written)?.uid,
      gid: accounts.group,
      userNames: accounts.userNames,
      groupNames: accounts.groupNames,
      ownUid,
      ownGid: process.getgid?.() ?? 0,
    }),
  ];
  if (!result.success || problems.length > 0) {
    throw problemsError(problems, shownFile, source, places);
  }

  const folders = searchPath(context.env.PATH);
  const state = context.stateFolder ?? join(dirname(realpathSync(file)), ".stack");
  return resolveConfig(result.data, {
    file,
    shownFile,
    folder,
    logFolder: join(state, "logs"),
    cacheFolder: join(state, "cache"),
    cpuCount: context.cpuCount,
    places,
    redis: chooseRedis(result.data, folders, context),
    absolute,
    findUser: (user, group) => findUser(accounts, ownUid, user, group),
    findPython: (cwd, written) => findPython(cwd, folder, written, folders),
  });
}

/** A group alone is another group for whoever runs the stack. */
function findUser(
  accounts: Accounts,
  ownUid: number,
  user: string | number | undefined,
  group: string | number | undefined,
): UserPlan | undefined {
  if (user === undefined && group === undefined) return undefined;
  const found = accounts.user(user ?? ownUid);
  if (found === undefined) return undefined; // refused before
  return { ...found, gid: group === undefined ? found.gid : (accounts.group(group) ?? found.gid) };
}

const managedRedisBytes = 64 * 1024 * 1024;

function chooseRedis(
  parsed: ParsedConfig,
  folders: readonly string[],
  context: CheckContext,
): RedisPlan {
  const { redis } = parsed;
  if (redis === false) return { kind: "none" };
  if (typeof redis === "object" && "url" in redis) return { kind: "url", url: redis.url };
  const memoryBytes = typeof redis === "object" ? redis.memory : managedRedisBytes;
  const url = context.env.REDIS_URL;
  if (redis === "auto" && url) return { kind: "url", url };
  const server = findOnPath("redis-server", folders);
  if (server !== undefined) return { kind: "managed", server, memoryBytes };
  if (redis === "auto" && parsed.cache.store !== "redis") return { kind: "none" };
  const wanted = redis === "auto" ? "cache" : "managed";
  const path = wanted === "managed" ? ["redis"] : ["cache", "store"];
  const place = placeOf(context.places, path, basename(context.file));
  throw redisServerMissing({ place, wanted });
}

function folderState(path: string): "folder" | "missing" | "other" {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "missing";
  return found.isDirectory() ? "folder" : "other";
}
