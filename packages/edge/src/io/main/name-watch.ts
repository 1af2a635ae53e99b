/**
 * The addresses of a name, asked for again as often as its time to live says, and at once when a
 * connection failed. Names of /etc/hosts, and those only the system can resolve, are asked for at a
 * fixed period. What was good last stays while nobody answers.
 */
import { lookup, Resolver } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { decideRefreshMs, decideRetryMs, untimedMs } from "../../core/upstream/resolve-period.ts";

export interface NameWatch extends Disposable {
  /** A connection failed: it may be somewhere else by now. */
  readonly askNow: () => void;
}

export interface NameWatchOptions {
  readonly name: string;
  /** Name servers; the system's when empty. */
  readonly resolver: readonly string[];
  /** Sorted; told when they have changed. */
  readonly onAddresses: (addresses: readonly string[]) => void;
  /** Once, when it fails after it went well, or at first. */
  readonly onFailure: (reason: string) => void;
}

interface Answer {
  readonly addresses: readonly string[];
  readonly refreshMs: number;
}

/** Whatever happens, a name is asked for once in this time at most. */
const leastGapMs = 1_000;
const queryTimeoutMs = 2_000;

export function watchName(options: NameWatchOptions): NameWatch {
  const resolver = new Resolver({ timeout: queryTimeoutMs, tries: 2 });
  if (options.resolver.length > 0) resolver.setServers([...options.resolver]);
  let timer: NodeJS.Timeout | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let isAsking = false;
  let isClosed = false;
  let failures = 0;
  let last: readonly string[] = [];

  const ask = async (): Promise<void> => {
    clearTimeout(timer);
    if (isAsking || isClosed) return;
    isAsking = true;
    askedAt = performance.now();
    let nextMs = untimedMs;
    try {
      const answer = await resolveName(options.name, resolver, options.resolver.length > 0, last);
      failures = 0;
      nextMs = answer.refreshMs;
      if (answer.addresses.join() !== last.join() && !isClosed) {
        last = answer.addresses;
        options.onAddresses(answer.addresses);
      }
    } catch (error) {
      failures += 1;
      nextMs = decideRetryMs(failures);
      if (failures === 1 && !isClosed) options.onFailure(describe(error));
    }
    isAsking = false;
    schedule(nextMs);
  };
  const schedule = (ms: number): void => {
    clearTimeout(timer);
    if (isClosed) return;
    timer = setTimeout(() => void ask(), ms).unref(); // `ask` never rejects
  };

  void ask();
  return {
    askNow() {
      if (isAsking) return;
      schedule(Math.max(0, askedAt + leastGapMs - performance.now()));
    },
    [Symbol.dispose]() {
      isClosed = true;
      clearTimeout(timer);
      resolver.cancel();
    },
  };
}

/** @param before the addresses found last: those of a family nobody can tell now stay */
async function resolveName(
  name: string,
  resolver: Resolver,
  hasOwnResolver: boolean,
  before: readonly string[],
): Promise<Answer> {
  if (!hasOwnResolver && (await isInHosts(name))) return await askSystem(name);
  const [four, six] = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = [four, six].flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  const kept = [
    ...(isUnknown(four) ? before.filter((address) => isIP(address) === 4) : []),
    ...(isUnknown(six) ? before.filter((address) => isIP(address) === 6) : []),
  ];
  if (records.length > 0) {
    return {
      addresses: [...records.map((record) => record.address), ...kept].sort(),
      refreshMs: decideRefreshMs(Math.min(...records.map((record) => record.ttl))),
    };
  }
  if (!hasOwnResolver) return await askSystem(name);
  const failure = isUnknown(six) ? six : four;
  throw failure.status === "rejected" ? failure.reason : new Error("it has no address");
}

/** As every program on this machine does: hosts file, search domains, mDNS. */
async function askSystem(name: string): Promise<Answer> {
  const found = await lookup(name, { all: true });
  if (found.length === 0) throw new Error("it has no address");
  return { addresses: found.map(({ address }) => address).sort(), refreshMs: untimedMs };
}

async function isInHosts(name: string): Promise<boolean> {
  if (isIP(name) !== 0) return true;
  const hosts = await readFile("/etc/hosts", "utf8").catch(() => "");
  const wanted = name.toLowerCase();
  return hosts
    .split("\n")
    .some((line) =>
      line.replace(/#.*/, "").toLowerCase().trim().split(/\s+/).slice(1).includes(wanted),
    );
}

/** Nobody could tell; that there is no address of this kind would have been an answer. */
function isUnknown(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return (
    result.status === "rejected" && (result.reason as NodeJS.ErrnoException).code !== "ENODATA"
  );
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
