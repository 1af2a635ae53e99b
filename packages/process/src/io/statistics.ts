/** Processor and memory use of processes over time, read from /proc on demand. */
import { readCpuTicks, readMemoryBytes } from "./process-facts.ts";

export interface ProcessUse {
  /** Percent of one core since the sample before; null on the first. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
}

export interface ProcessSampler {
  /** What is known of a process, from the last sample. */
  readonly of: (pid: number | null) => ProcessUse;
  /** Samples these processes, and forgets all others. */
  readonly sample: (pids: readonly number[], nowMs: number) => void;
}

interface Sample extends ProcessUse {
  readonly ticks: number;
  readonly firstMs: number;
  readonly atMs: number;
  readonly memoryAtMs: number;
}

const msPerTick = 10;
/** In less, ticks of 10 ms mean nothing: what was known stays. */
const shortestMs = 200;
/** Reading proportional memory walks the page tables of the process: not every second. */
const memoryEveryMs = 5_000;
/** But for a process that has only begun to grow. */
const youngMs = 10_000;
/** And of many only for so long at once; the others have their turn in the next sample. */
const memoryBudgetMs = 50;

export function createProcessSampler(): ProcessSampler {
  let samples = new Map<number, Sample>();

  return {
    of(pid) {
      const sample = pid === null ? undefined : samples.get(pid);
      return {
        cpuPercent: sample?.cpuPercent ?? null,
        memoryBytes: sample?.memoryBytes ?? null,
      };
    },
    sample(pids, nowMs) {
      const end = performance.now() + memoryBudgetMs;
      const next = new Map<number, Sample>();
      for (const pid of pids) {
        const ticks = readCpuTicks(pid);
        if (ticks === undefined) continue;
        const before = samples.get(pid);
        if (before !== undefined && nowMs - before.atMs < shortestMs) {
          next.set(pid, before);
          continue;
        }
        const firstMs = before?.firstMs ?? nowMs;
        const isYoung = nowMs - firstMs < youngMs;
        const due = before === undefined || isYoung || nowMs - before.memoryAtMs >= memoryEveryMs;
        const readsMemory = due && performance.now() < end;
        next.set(pid, {
          ticks,
          firstMs,
          atMs: nowMs,
          cpuPercent: before === undefined ? null : percent(before, ticks, nowMs),
          memoryBytes: readsMemory ? (readMemoryBytes(pid) ?? null) : (before?.memoryBytes ?? null),
          memoryAtMs: readsMemory ? nowMs : (before?.memoryAtMs ?? 0),
        });
      }
      samples = next;
    },
  };
}

function percent(before: Sample, ticks: number, nowMs: number): number {
  return Math.round(((ticks - before.ticks) * msPerTick * 1000) / (nowMs - before.atMs)) / 10;
}
