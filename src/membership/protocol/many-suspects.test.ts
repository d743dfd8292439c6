import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../lib/random.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import { LAN_SETTINGS } from "./settings.ts";
import { nextWake, startMembership, step } from "./step.ts";

const from = { host: "10.0.0.9", port: 7946 };
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);

/** Tries over TCP to ask suspects: how many each of them got, and the most that were open at once. */
function checksOf(suspects: number): { tries: number; open: number } {
  const own = { name: "self", addr: Buffer.of(10, 0, 0, 1), port: 7946 };
  const settings = { ...LAN_SETTINGS, probeIntervalMs: 1000, ...own };
  const state = startMembership(settings, { random: seededRandom(7), now: 0 });
  for (let index = 0; index < suspects; index += 1) {
    const addr = Buffer.of(10, 1, index >> 8, index & 255);
    const alive = { node: `n${index}`, incarnation: 1, addr, port: 7946, meta: EMPTY, vsn };
    step(state, { kind: "message", message: { kind: "alive", alive }, from }, 0);
    const suspect = { node: `n${index}`, incarnation: 1, from: "other" };
    step(state, { kind: "message", message: { kind: "suspect", suspect }, from }, 0);
  }
  const begun: number[] = [];
  while (state.suspicions.size > 0) {
    const now = nextWake(state);
    for (const effect of step(state, { kind: "time" }, now).effects)
      if (effect.kind === "exchange" && effect.timeoutMs === settings.probeTimeoutMs) begun.push(now);
  }
  const openAt = (time: number): number =>
    begun.filter((start) => start <= time && time < start + settings.probeTimeoutMs).length;
  return { tries: begun.length / suspects, open: Math.max(...begun.map(openAt)) };
}

test("a few suspects are asked at least five times each before they are dead", () => {
  const { tries } = checksOf(10);
  assert.ok(tries >= 5, `${tries} tries`);
});

test("half a large cluster out of reach takes a bounded number of connections", () => {
  const { tries, open } = checksOf(400);
  assert.ok(open < 200, `${open} at once`);
  assert.ok(tries > 1, `${tries} tries`);
});
