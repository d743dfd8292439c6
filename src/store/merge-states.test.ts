import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mergeStates } from "./merge-states.ts";
import type { ObjectState } from "./object-state.ts";
import { formatStamp, ZERO_STAMP } from "./stamp.ts";

const key = { resource: "pods", namespace: "default", name: "a" };
const uids = ["u1", "u2", "u3"];
const stamp = fc.integer({ min: 0, max: 3 }).map((ms) => formatStamp(ms, 0));
const register = fc.record({ stamp, content: fc.record({ x: fc.integer({ min: 0, max: 2 }) }) });
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const header = fc.record({ uid: fc.constantFrom(...uids), created: stamp });
const alive = fc.record({
  main: maybe(register),
  status: maybe(register),
  binding: maybe(fc.record({ stamp, nodeName: fc.constantFrom("n1", "n2") })),
  claimants: maybe(
    fc.dictionary(
      fc.constantFrom(`${formatStamp(1, 0)}/a`, `${formatStamp(2, 0)}/b`),
      fc.constantFrom("", formatStamp(3, 0), formatStamp(4, 0)),
    ),
  ),
  deletion: maybe(
    fc.record({
      timestamp: fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z"),
      seconds: maybe(fc.constantFrom(0, 30)),
    }),
  ),
});
const state: fc.Arbitrary<ObjectState> = fc
  .tuple(header, fc.oneof({ weight: 4, arbitrary: alive }, { weight: 1, arbitrary: fc.record({ tombstone: stamp }) }))
  .map(([head, registers]) => ({ key, ...head, ...registers }));

const plain = (value: ObjectState): unknown => JSON.parse(JSON.stringify(value));

test("merging is commutative", () => {
  fc.assert(fc.property(state, state, (a, b) => assert.deepEqual(plain(mergeStates(a, b)), plain(mergeStates(b, a)))));
});

test("merging is associative", () => {
  fc.assert(
    fc.property(state, state, state, (a, b, c) =>
      assert.deepEqual(plain(mergeStates(mergeStates(a, b), c)), plain(mergeStates(a, mergeStates(b, c)))),
    ),
    { numRuns: 1000 },
  );
});

test("merging is idempotent, and what adds nothing gives the very same state", () => {
  fc.assert(
    fc.property(state, state, (a, b) => {
      assert.equal(mergeStates(a, a), a);
      const merged = mergeStates(a, b);
      assert.equal(mergeStates(merged, b), merged);
      assert.equal(mergeStates(merged, a), merged);
    }),
  );
});

test("replicas that hear the same in any order and any number of times agree", () => {
  const heard = fc.array(state, { minLength: 1, maxLength: 8 });
  const property = fc.property(
    heard.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 })),
    ),
    ([all, shuffled]) => {
      const merge = (states: readonly ObjectState[]): ObjectState =>
        states.reduce((sum, next) => mergeStates(sum, next), states[0] as ObjectState);
      assert.deepEqual(plain(merge(all)), plain(merge(shuffled)));
    },
  );
  fc.assert(property);
});

const at = (ms: number): string => formatStamp(ms, 0);
const base: ObjectState = { key, uid: "u", created: at(1) };
const cases: readonly { name: string; a: ObjectState; b: ObjectState; merged: ObjectState }[] = [
  {
    name: "a newer incarnation beats an older one's later tombstone",
    a: { ...base, tombstone: at(9) },
    b: { ...base, uid: "v", created: at(2), main: { stamp: at(2), content: {} } },
    merged: { ...base, uid: "v", created: at(2), main: { stamp: at(2), content: {} } },
  },
  {
    name: "within one uid a tombstone beats a later update",
    a: { ...base, tombstone: at(2) },
    b: { ...base, main: { stamp: at(9), content: {} } },
    merged: { ...base, tombstone: at(2) },
  },
  {
    name: "a status never overwrites the rest, nor the other way round",
    a: { ...base, main: { stamp: at(5), content: { x: 1 } }, status: { stamp: at(1), content: { y: 1 } } },
    b: { ...base, main: { stamp: at(1), content: { x: 2 } }, status: { stamp: at(4), content: { y: 2 } } },
    merged: { ...base, main: { stamp: at(5), content: { x: 1 } }, status: { stamp: at(4), content: { y: 2 } } },
  },
  {
    name: "a status of another uid is ignored",
    a: { ...base, main: { stamp: at(1), content: {} } },
    b: { ...base, uid: "a", status: { stamp: at(9), content: { y: 1 } } },
    merged: { ...base, main: { stamp: at(1), content: {} } },
  },
  {
    name: "a repeated create from a cause ranks below every update and unbinds nothing",
    a: { ...base, main: { stamp: at(3), content: { x: 1 } }, binding: { stamp: at(2), nodeName: "n1" } },
    b: { ...base, main: { stamp: ZERO_STAMP, content: { x: 0 } } },
    merged: { ...base, main: { stamp: at(3), content: { x: 1 } }, binding: { stamp: at(2), nodeName: "n1" } },
  },
  {
    name: "of two bindings the first is kept, of two deletions the earlier end",
    a: {
      ...base,
      binding: { stamp: at(2), nodeName: "z" },
      deletion: { timestamp: "2026-01-01T00:00:30Z", seconds: 30 },
    },
    b: {
      ...base,
      binding: { stamp: at(3), nodeName: "a" },
      deletion: { timestamp: "2026-01-01T00:00:01Z", seconds: 1 },
    },
    merged: {
      ...base,
      binding: { stamp: at(2), nodeName: "z" },
      deletion: { timestamp: "2026-01-01T00:00:01Z", seconds: 1 },
    },
  },
];

for (const { name, a, b, merged } of cases) {
  test(name, () => {
    assert.deepEqual(plain(mergeStates(a, b)), plain(merged));
    assert.deepEqual(plain(mergeStates(b, a)), plain(merged));
  });
}
