import assert from "node:assert/strict";
import { test } from "node:test";
import { memberView } from "../../../test/support/member-view.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { Round, RoundFailed, type RoundOptions, tellAway } from "./round.ts";

type States = Record<string, MemberView["state"]>;

/** Sleeping takes no time, and lets the waited time pass. */
function testClock(): Clock {
  let passed = 0;
  return { ...systemClock, monotonic: () => passed, sleep: async (ms) => void (passed += ms) };
}

/** Members whose answers and states are as given; `me` is the one that asks. */
function roundOf(
  states: States,
  answer: (name: string, states: States) => unknown,
  options: RoundOptions & { readonly others?: readonly string[] } = {},
): { readonly round: Round; readonly asked: string[] } {
  const asked: string[] = [];
  const members = (): MemberView[] =>
    Object.entries({ me: "alive" as const, ...states }).map(([name, state]) => memberView(name, state));
  const ask = async ({ host }: { readonly host: string }): Promise<Record<string, unknown>> => {
    asked.push(host);
    const given = answer(host, states);
    if (given instanceof Error) throw given;
    return {};
  };
  const others = () => (options.others ?? []).map((name) => ({ name }));
  const deps = { client: { members }, questions: { ask }, others, clock: testClock(), nodeName: "me" };
  const round = new Round(deps, options);
  return { round, asked };
}

const broken = new Error("it cannot be reached");

test("all are asked that live, and nobody else", async () => {
  const { round, asked } = roundOf({ a: "alive", b: "suspect", c: "dead", d: "left", e: "alive" }, () => ({}), {
    except: ["e"],
  });
  await round.ask({ kind: "step" });
  assert.deepEqual(asked.toSorted(), ["a", "b"]);
  assert.deepEqual([round.away, [...round.reached.keys()].toSorted()], [["c"], ["a", "b"]]);
});

test("a lost member that the gossip has forgotten is away, too", async () => {
  const options = { others: ["a", "b", "c", "gone"], except: ["gone"] };
  const { round, asked } = roundOf({ a: "alive", b: "dead" }, () => ({}), options);
  await round.ask({ kind: "step" });
  assert.deepEqual([asked, round.away], [["a"], ["b", "c"]]);
});

test("a member that somebody removes in the meantime is neither a failure nor away", async () => {
  const removed = new RefusedError("NodeDenied", "the node b was removed from the cluster");
  const { round, asked } = roundOf({ a: "alive", b: "alive" }, (name) => (name === "b" ? removed : {}));
  await round.ask({ kind: "one" });
  await round.ask({ kind: "two" });
  assert.deepEqual([asked, round.away, [...round.reached.keys()]], [["a", "b", "a"], [], ["a"]]);
  const told = new RefusedError("NodeDenied", "this node was removed", { byOther: true });
  await assert.rejects(roundOf({ a: "alive" }, () => told).round.ask({ kind: "step" }), RoundFailed);
});

test("a suspect that cannot be reached is away, and is asked for nothing more", async () => {
  const { round, asked } = roundOf({ a: "alive", b: "suspect" }, (name) => (name === "b" ? broken : {}));
  await round.ask({ kind: "one" });
  await round.ask({ kind: "two" });
  assert.deepEqual(asked, ["a", "b", "a"]);
  assert.equal(tellAway(round.away), " b was away and gets it when it is back.");
});

test("where it has a lot to lose, a suspect is waited for until it is dead", async () => {
  const states: States = { a: "suspect" };
  const given = (): unknown => {
    if (asked.length === 3) states["a"] = "dead";
    return broken;
  };
  const { round, asked } = roundOf(states, given, { waitForSuspects: true });
  await round.ask({ kind: "step" });
  assert.deepEqual([asked.length, round.away], [3, ["a"]]);
  const back = roundOf({ b: "suspect" }, () => (back.asked.length < 3 ? broken : {}), { waitForSuspects: true });
  await back.round.ask({ kind: "step" });
  assert.deepEqual([...back.round.reached.keys()], ["b"]);
});

test("a member that fails is asked again until it is suspected", async () => {
  const states: States = { a: "alive" };
  const { round, asked } = roundOf(states, () => {
    if (asked.length === 3) states["a"] = "suspect";
    return broken;
  });
  await round.ask({ kind: "step" });
  assert.equal(asked.length, 3);
  assert.deepEqual(round.away, ["a"]);
});

test("a member that lives and does not do it is told by name", async () => {
  const cases = [
    [broken, /^a: it cannot be reached$/],
    [new RefusedError("BadRequest", "the disk is full"), /^a: the disk is full$/],
  ] as const;
  for (const [failure, expected] of cases) {
    const { round } = roundOf({ a: "alive", b: "alive" }, (name) => (name === "a" ? failure : {}));
    await assert.rejects(round.ask({ kind: "step" }), (error) => {
      assert.ok(error instanceof RoundFailed);
      assert.match(error.message, expected);
      assert.deepEqual(error.members, ["a"]);
      return true;
    });
    assert.deepEqual([...round.reached.keys()], ["b"]);
  }
});
