import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../lib/random.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import type { PacketMessage } from "../wire/packet.ts";
import type { MembershipState } from "./membership-state.ts";
import { LAN_SETTINGS } from "./settings.ts";
import { nextWake, startMembership, step } from "./step.ts";

const from = { host: "10.0.0.9", port: 7946 };

function hear(state: MembershipState, message: PacketMessage, now: number): void {
  step(state, { kind: "message", message, from }, now);
}

/** A node that knows another one, which then died or left; nobody is probed. */
function withOneGone(by: string): MembershipState {
  const own = { name: "self", addr: Buffer.of(10, 0, 0, 1), port: 7946, probeIntervalMs: 3_600_000 };
  const state = startMembership({ ...LAN_SETTINGS, ...own }, { random: seededRandom(1), now: 0 });
  const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
  const alive = { node: "a", incarnation: 1, addr: Buffer.of(10, 0, 0, 2), port: 7946, meta: EMPTY, vsn };
  hear(state, { kind: "alive", alive }, 0);
  hear(state, { kind: "dead", dead: { node: "a", incarnation: 1, from: by } }, 0);
  return state;
}

/** Packets to it until `end`, while there is something to tell. */
function packetsTo(state: MembershipState, host: string, { start, end }: { start: number; end: number }): number {
  let count = 0;
  for (let now = start; nextWake(state) <= end;) {
    now = Math.max(now, nextWake(state));
    // There is always news; timers run in every step.
    for (const effect of step(state, { kind: "broadcast", payload: Buffer.from("news") }, now).effects)
      if (effect.kind === "packet" && effect.to.host === host) count += 1;
  }
  return count;
}

test("a node that died hears gossip for 30 s, so that it can refute, and no more after that", () => {
  const state = withOneGone("b");
  const { gossipToTheDeadMs } = LAN_SETTINGS;
  assert.ok(packetsTo(state, "10.0.0.2", { start: 0, end: gossipToTheDeadMs }) > 50);
  assert.equal(packetsTo(state, "10.0.0.2", { start: gossipToTheDeadMs + 1, end: 2 * gossipToTheDeadMs }), 0);
});

test("a node that left hears nothing", () => {
  assert.equal(packetsTo(withOneGone("a"), "10.0.0.2", { start: 0, end: 10_000 }), 0);
});
