import { expect, test } from "vitest";
import {
  clearWake,
  countWaiting,
  createAppQueue,
  enterQueue,
  forgetThread,
  isBefore,
  leaveQueue,
  markWake,
  nextThread,
  oldestThread,
  publishHead,
  takeFrontTicket,
  takeTicket,
  waitsLonger,
} from "./app-queue.ts";

const queueOf = (threads: number): Int32Array => new Int32Array(createAppQueue(threads));

test("the oldest ticket decides, and who follows it", () => {
  const queue = queueOf(3);
  expect(oldestThread(queue)).toBe(-1);
  const first = takeTicket(queue);
  const second = takeTicket(queue);
  publishHead(queue, 2, first, 100);
  publishHead(queue, 0, second, 103);
  expect(oldestThread(queue)).toBe(2);
  expect(nextThread(queue, first)).toBe(0);
  expect(nextThread(queue, second)).toBe(-1);
  expect(waitsLonger(queue, 2, 0)).toBe(3);
});

test("a ticket for the front is before all that wait", () => {
  const queue = queueOf(2);
  const ticket = takeTicket(queue);
  publishHead(queue, 0, ticket, 0);
  expect(isBefore(takeFrontTicket(queue), ticket)).toBe(true);
});

test("tickets wrap around, are never 0, and stay in order", () => {
  const queue = queueOf(1);
  queue[0] = 2 ** 31 - 2;
  const tickets = [1, 2, 3].map(() => takeTicket(queue));
  queue[0] = -2;
  tickets.push(takeTicket(queue), takeTicket(queue));
  expect(tickets).not.toContain(0);
  expect(isBefore(tickets[0] ?? 0, tickets[1] ?? 0)).toBe(true);
  expect(isBefore(tickets[1] ?? 0, tickets[2] ?? 0)).toBe(true);
  expect(isBefore(tickets[3] ?? 0, tickets[4] ?? 0)).toBe(true);
});

test("the bound holds over all threads, and what a dead thread had is not counted any more", () => {
  const queue = queueOf(2);
  expect([enterQueue(queue, 0, 2), enterQueue(queue, 1, 2), enterQueue(queue, 0, 2)]).toEqual([
    true,
    true,
    false,
  ]);
  publishHead(queue, 0, takeTicket(queue), 0);
  forgetThread(queue, 0);
  expect(countWaiting(queue)).toBe(1);
  expect(oldestThread(queue)).toBe(-1);
  leaveQueue(queue, 1);
  expect(countWaiting(queue)).toBe(0);
});

test("one wake is under way to a thread at a time", () => {
  const queue = queueOf(2);
  expect([markWake(queue, 1), markWake(queue, 1)]).toEqual([true, false]);
  clearWake(queue, 1);
  expect(markWake(queue, 1)).toBe(true);
});
