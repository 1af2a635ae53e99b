import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addCandidate,
  type Candidates,
  chooseByHash,
  chooseInTurn,
  chooseLeastBusy,
  chooseOfTwo,
  createCandidates,
  hashText,
} from "./balance.ts";

interface Server {
  readonly weight: number;
  load: number;
}

function candidatesOf(servers: readonly Server[], without: readonly number[] = []): Candidates {
  const candidates = createCandidates();
  servers.forEach(({ weight, load }, index) => {
    if (!without.includes(index)) addCandidate(candidates, index, weight, load);
  });
  return candidates;
}

const idle = (...weights: readonly number[]): Server[] =>
  weights.map((weight) => ({ weight, load: 0 }));

/** How many of `count` requests each server got, none of which ends. */
function spread(servers: Server[], count: number, choose: (of: Candidates, n: number) => number) {
  const got = servers.map(() => 0);
  for (let n = 0; n < count; n += 1) {
    const candidates = candidatesOf(servers);
    const index = candidates.server[choose(candidates, n)] ?? -1;
    got[index] = (got[index] ?? 0) + 1;
    const server = servers[index];
    if (server !== undefined) server.load += 1;
  }
  return got;
}

describe("least busy", () => {
  test.for([
    [[1, 1, 1], [3, 1, 2], 1],
    [[1, 1, 1], [0, 0, 0], 0],
    [[4, 1], [3, 0], 0],
    [[4, 1], [4, 0], 1],
  ] as const)("of weights %j with loads %j it is %i", ([weights, loads, expected]) => {
    const servers = weights.map((weight, index) => ({ weight, load: loads[index] ?? 0 }));
    expect(chooseLeastBusy(candidatesOf(servers), 0)).toBe(expected);
  });

  test("equal ones take turns", () => {
    const servers = idle(1, 1, 1);
    const chosen = [0, 1, 2, 3].map((turn) => chooseLeastBusy(candidatesOf(servers), turn));
    expect(chosen).toEqual([0, 1, 2, 0]);
  });

  test("loads follow the weights", () => {
    expect(spread(idle(1, 2, 5), 800, chooseLeastBusy)).toEqual([100, 200, 500]);
  });
});

describe("in turn", () => {
  test("the heavier are mixed with the lighter", () => {
    const turns: number[] = [];
    const servers = idle(2, 1);
    const chosen = Array.from({ length: 6 }, () => chooseInTurn(candidatesOf(servers), turns));
    expect(chosen).toEqual([0, 1, 0, 0, 1, 0]);
  });

  test("each gets exactly its weight in every round, whatever the weights", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
        (weights) => {
          const turns: number[] = [];
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          const got = spread(idle(...weights), total * 3, (of) => chooseInTurn(of, turns));
          expect(got).toEqual(weights.map((weight) => weight * 3));
        },
      ),
    );
  });
});

describe("the better of two", () => {
  test("is never the busier one", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 0.999 }),
        fc.double({ min: 0, max: 0.999 }),
        (one, two) => {
          const servers = [
            { weight: 1, load: 5 },
            { weight: 1, load: 1 },
          ];
          expect(chooseOfTwo(candidatesOf(servers), one, two)).toBe(1);
        },
      ),
    );
  });

  test("spreads evenly: no server has far more than its share", () => {
    let seed = 1;
    const random = (): number => {
      seed = hashText(String(seed));
      return seed / 2 ** 32;
    };
    const got = spread(idle(1, 1, 1, 1, 1, 1, 1, 1), 8_000, (of) =>
      chooseOfTwo(of, random(), random()),
    );
    expect(Math.max(...got) - Math.min(...got)).toBeLessThan(20);
  });

  test("a single server is its own second", () => {
    expect(chooseOfTwo(candidatesOf(idle(1)), 0.5, 0.5)).toBe(0);
  });
});

describe("by hash", () => {
  const names = Array.from({ length: 10 }, (_, index) => `10.0.0.${index}:8080`);
  const seeds = names.map(hashText);
  const keys = Array.from({ length: 20_000 }, (_, index) => hashText(`/item/${index}`));
  const servers = idle(...names.map(() => 1));
  const ownerOf = (of: Candidates, key: number): number =>
    of.server[chooseByHash(of, seeds, key)] ?? -1;

  test("keys are spread evenly", () => {
    const got = names.map(() => 0);
    for (const key of keys) {
      const owner = ownerOf(candidatesOf(servers), key);
      got[owner] = (got[owner] ?? 0) + 1;
    }
    for (const count of got) expect(Math.abs(count - 2_000)).toBeLessThan(200);
  });

  test("by weight", () => {
    const weighted = idle(1, 3);
    const of = candidatesOf(weighted);
    const second = keys.filter((key) => ownerOf(of, key) === 1).length;
    expect(Math.abs(second / keys.length - 0.75)).toBeLessThan(0.015);
  });

  test("a server that leaves gives away its own keys and no other, evenly", () => {
    const moved = names.map(() => 0);
    for (const key of keys) {
      const before = ownerOf(candidatesOf(servers), key);
      const after = ownerOf(candidatesOf(servers, [3]), key);
      if (before !== 3) expect(after).toBe(before);
      else moved[after] = (moved[after] ?? 0) + 1;
    }
    expect(moved[3]).toBe(0);
    for (const [index, count] of moved.entries()) {
      if (index !== 3) expect(Math.abs(count - 2_000 / 9)).toBeLessThan(80);
    }
  });

  test("the order of the servers does not matter", () => {
    const reversed = createCandidates();
    for (let index = names.length - 1; index >= 0; index -= 1) addCandidate(reversed, index, 1, 0);
    for (const key of keys.slice(0, 500)) {
      expect(ownerOf(reversed, key)).toBe(ownerOf(candidatesOf(servers), key));
    }
  });
});
