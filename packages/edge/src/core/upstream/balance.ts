/**
 * Which of some servers gets the next request. Pure: the candidates with their weights and loads go
 * in, a position among them comes out. All rules honour weights; equal ones take turns.
 */

/** Filled anew for every choice; the first `count` entries of each array count. */
export interface Candidates {
  count: number;
  /** The server's position in the upstream: a stable name for turns and hashes. */
  readonly server: number[];
  /** Above 0; lower while a server starts slowly. */
  readonly weight: number[];
  /** Requests in flight. */
  readonly load: number[];
}

export function createCandidates(): Candidates {
  return { count: 0, server: [], weight: [], load: [] };
}

export function addCandidate(into: Candidates, server: number, weight: number, load: number): void {
  into.server[into.count] = server;
  into.weight[into.count] = weight;
  into.load[into.count] = load;
  into.count += 1;
}

/**
 * The least requests for its weight, counting the one to come.
 *
 * @param turn counts choices: of equal ones each is first in turn
 */
export function chooseLeastBusy(candidates: Candidates, turn: number): number {
  const { count, load, weight } = candidates;
  let best = turn % count;
  let least = loadOf(load, weight, best);
  for (let step = 1; step < count; step += 1) {
    const at = (turn + step) % count;
    const busy = loadOf(load, weight, at);
    if (busy < least) {
      least = busy;
      best = at;
    }
  }
  return best;
}

/** What each server is owed, by its position in the upstream; one per thread. */
export type Turns = number[];

/** By weight, evenly mixed: of weights 2 and 1 it is a b a a b a. */
export function chooseInTurn(candidates: Candidates, turns: Turns): number {
  const { count, server, weight } = candidates;
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  let total = 0;
  for (let at = 0; at < count; at += 1) {
    const own = weight[at] as number;
    const owed = (turns[server[at] as number] ?? 0) + own;
    turns[server[at] as number] = owed;
    total += own;
    if (owed > most) {
      most = owed;
      best = at;
    }
  }
  const chosen = server[best] as number;
  turns[chosen] = (turns[chosen] as number) - total;
  return best;
}

/**
 * Two at random by weight, and of these the less busy: nearly as even as `chooseLeastBusy`, without
 * every thread running to the same server.
 *
 * @param one @param two random numbers from 0 to 1, exclusive
 */
export function chooseOfTwo(candidates: Candidates, one: number, two: number): number {
  const { load, weight } = candidates;
  const first = pickByWeight(candidates, one, -1);
  const second = pickByWeight(candidates, two, first);
  return loadOf(load, weight, second) < loadOf(load, weight, first) ? second : first;
}

/**
 * The same server for the same key, as long as it is there. Rendezvous hashing: each server draws a
 * number for the key and the highest wins, so that a server which leaves gives only its own keys
 * away and one that comes takes only those that become its own, by weight.
 *
 * @param seeds of each server, by its position in the upstream (`hashText` of its name)
 */
export function chooseByHash(
  candidates: Candidates,
  seeds: ArrayLike<number>,
  key: number,
): number {
  const { count, server, weight } = candidates;
  let best = 0;
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < count; at += 1) {
    const drawn = (mix((seeds[server[at] as number] as number) ^ key) + 0.5) / 2 ** 32;
    // -weight / ln(u) is highest with a probability in proportion to the weight.
    const score = -(weight[at] as number) / Math.log(drawn);
    if (score > highest) {
      highest = score;
      best = at;
    }
  }
  return best;
}

/** 32 bits of FNV-1a, mixed. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return mix(hash);
}

/** Every bit of the input changes half of the output (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function loadOf(load: readonly number[], weight: readonly number[], at: number): number {
  return ((load[at] as number) + 1) / (weight[at] as number);
}

/** @param without a position that is not to be picked, where there is another; -1 for none */
function pickByWeight(candidates: Candidates, random: number, without: number): number {
  const { count, weight } = candidates;
  if (count === 1) return 0;
  let total = 0;
  for (let at = 0; at < count; at += 1) if (at !== without) total += weight[at] as number;
  let left = random * total;
  let last = 0;
  for (let at = 0; at < count; at += 1) {
    if (at === without) continue;
    last = at;
    left -= weight[at] as number;
    if (left < 0) return at;
  }
  return last;
}
