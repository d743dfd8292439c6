import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { discardedBy } from "./discarded.ts";
import { covers, historyOf, joinHistories, LONGEST_HISTORY, seenBeside } from "./history.ts";
import { mergeStates } from "./merge-states.ts";
import type { ObjectState } from "../object-state.ts";
import { formatStamp, ZERO_STAMP } from "./stamp.ts";

const key = { resource: "pods", namespace: "default", name: "a" };
const uids = ["u1", "u2", "u3"];
const stamp = fc.integer({ min: 0, max: 3 }).map((ms) => formatStamp(ms, 0));
const content = fc.record({ x: fc.integer({ min: 0, max: 2 }) });
const register = fc.record({ stamp, content });
const replica = fc.constantFrom("r1", "r2", "constructor");
const written = fc.record({ stamp, content, by: fc.option(replica, { nil: undefined }) });
const history = fc.dictionary(replica, stamp);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const header = fc.record({ uid: fc.constantFrom(...uids), created: stamp });
const alive = fc.record({
  main: maybe(written),
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
  .tuple(
    header,
    fc.oneof({ weight: 4, arbitrary: alive }, { weight: 1, arbitrary: fc.record({ tombstone: stamp }) }),
    history,
  )
  .map(([head, registers, before]) => {
    const main = "main" in registers ? registers.main : undefined;
    const seen = seenBeside(joinHistories(historyOf({ main }), before), main);
    return { key, ...head, ...registers, seen };
  });

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

const replicas = Array.from({ length: LONGEST_HISTORY + 6 }, (_, index) => `r${index}`);
const long = fc.dictionary(
  fc.constantFrom(...replicas),
  fc.integer({ min: 0, max: 40 }).map((ms) => formatStamp(ms, 0)),
  {
    minKeys: LONGEST_HISTORY - 4,
    maxKeys: replicas.length,
  },
);
/** As long as it may be, which is what states hold. */
const kept = long.map((all) => joinHistories({}, all));

test("histories join in any order, and stay bounded", () => {
  fc.assert(
    fc.property(kept, kept, kept, (a, b, c) => {
      assert.deepEqual(joinHistories(a, b), joinHistories(b, a));
      assert.deepEqual(joinHistories(joinHistories(a, b), c), joinHistories(a, joinHistories(b, c)));
      assert.equal(joinHistories(a, a), a);
      const joined = joinHistories(a, b);
      assert.equal(joinHistories(joined, b), joined);
      assert.ok(Object.keys(joined).length <= LONGEST_HISTORY);
    }),
  );
});

test("a history that has lost entries still covers every write that it ever came after", () => {
  fc.assert(
    fc.property(kept, kept, (a, b) => {
      const joined = joinHistories(a, b);
      for (const one of [a, b])
        for (const [by, at] of Object.entries(one)) assert.ok(covers(joined, { by, stamp: at }));
    }),
  );
});

const write = (ms: number, by: string, x: number): Pick<ObjectState, "main"> => ({
  main: { stamp: at(ms), content: { x }, by },
});
const discards: readonly { name: string; a: ObjectState; b: ObjectState; lost: string | undefined }[] = [
  {
    name: "of two changes made at once the older one is discarded",
    a: { ...base, ...write(3, "n1", 1), seen: { n0: at(1), n1: at(3) } },
    b: { ...base, ...write(4, "n2", 2), seen: { n0: at(1), n2: at(4) } },
    lost: "n1 change",
  },
  {
    name: "a change of what was there is discarded by nothing",
    a: { ...base, ...write(3, "n1", 1) },
    b: { ...base, ...write(4, "n2", 2), seen: { n1: at(3), n2: at(4) } },
    lost: undefined,
  },
  {
    name: "two who say the same lose nothing",
    a: { ...base, ...write(3, "n1", 1) },
    b: { ...base, ...write(4, "n2", 1) },
    lost: undefined,
  },
  {
    name: "a change is discarded by a deletion that did not know of it",
    a: { ...base, ...write(9, "n1", 1), seen: { n0: at(1), n1: at(9) } },
    b: { ...base, tombstone: at(3), seen: { n0: at(1) } },
    lost: "n1 deletion",
  },
  {
    name: "a deletion that knew of the change discards nothing",
    a: { ...base, ...write(2, "n1", 1) },
    b: { ...base, tombstone: at(3), seen: { n1: at(2) } },
    lost: undefined,
  },
  {
    name: "of two objects with one name the older one is discarded",
    a: { ...base, ...write(5, "n1", 1) },
    b: { ...base, uid: "v", created: at(2), ...write(2, "n2", 2) },
    lost: "n1 object",
  },
  {
    name: "an object that was made after the deletion of the older one discards nothing",
    a: { ...base, ...write(1, "n1", 1) },
    b: { ...base, uid: "v", created: at(4), ...write(4, "n2", 2), seen: { n1: at(1), n2: at(4) } },
    lost: undefined,
  },
  {
    name: "what has no writer, as what a controller created or an older version stored, is not missed",
    a: { ...base, main: { stamp: ZERO_STAMP, content: { x: 1 } } },
    b: { ...base, ...write(4, "n2", 2) },
    lost: undefined,
  },
];

for (const { name, a, b, lost } of discards) {
  test(name, () => {
    for (const [ours, theirs] of [
      [a, b],
      [b, a],
    ] as const) {
      const merged = mergeStates(ours, theirs);
      const found = discardedBy(merged, [ours, theirs]);
      assert.equal(found && `${found.by} ${found.keptInstead}`, lost);
      if (lost !== undefined) assert.ok(covers(historyOf(merged), { by: "n1", stamp: a.main?.stamp ?? "" }));
    }
  });
}
