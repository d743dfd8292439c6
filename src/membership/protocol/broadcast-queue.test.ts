import assert from "node:assert/strict";
import { test } from "node:test";
import { BroadcastQueue } from "./broadcast-queue.ts";

const take = { overhead: 2, limit: 3, count: 255 };
const words = (queue: BroadcastQueue, bytes = 1000, how = take): string[] =>
  queue.take(bytes, how).map((message) => message.toString());

test("what was told least often goes first, the longest before the shorter", () => {
  const queue = new BroadcastQueue();
  queue.add(Buffer.from("old"), "a");
  words(queue);
  queue.add(Buffer.from("new"), "b");
  queue.add(Buffer.from("newer and longer"), "c");
  assert.deepEqual(words(queue), ["newer and longer", "new", "old"]);
});

test("each is told so often and no more", () => {
  const queue = new BroadcastQueue();
  queue.add(Buffer.from("x"), "a");
  for (let time = 0; time < take.limit; time += 1) assert.deepEqual(words(queue), ["x"]);
  assert.deepEqual(words(queue), []);
  assert.equal(queue.length, 0);
});

test("news of a name takes the place of what was told before", () => {
  const queue = new BroadcastQueue();
  queue.add(Buffer.from("alive"), "a");
  words(queue);
  queue.add(Buffer.from("dead"), "a");
  assert.deepEqual(words(queue), ["dead"]);
  assert.equal(queue.length, 1);
});

test("only what fits is taken, smaller ones in place of larger ones", () => {
  const queue = new BroadcastQueue();
  queue.add(Buffer.alloc(50, "l"), "long");
  queue.add(Buffer.from("short"), "short");
  assert.deepEqual(words(queue, 20), ["short"]);
  assert.deepEqual(words(queue, 3), []);
  assert.deepEqual(words(queue, 1000, { ...take, count: 1 }), ["l".repeat(50)]);
});

test("a full queue drops what was told most often", () => {
  const queue = new BroadcastQueue(2);
  queue.add(Buffer.from("one"));
  words(queue);
  queue.add(Buffer.from("two"));
  queue.add(Buffer.from("three"));
  assert.deepEqual(words(queue), ["three", "two"]);
});
