import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzing } from "../../../test/membership/fuzz-seed.ts";
import { seededRandom } from "../../lib/random.ts";
import type { FrameMessage } from "../wire/frame.ts";
import { NODE_STATES } from "../wire/message-type.ts";
import type { PacketMessage } from "../wire/packet.ts";
import type { PushedNode } from "../wire/push-pull.ts";
import type { Input } from "./inputs.ts";
import type { MembershipState } from "./membership-state.ts";
import { LAN_SETTINGS } from "./settings.ts";
import { nextWake, startMembership, step } from "./step.ts";

/**
 * A holder of the key that says anything, well-formed, in any order: nothing throws, nothing grows without end, time goes
 * on, and the node does not give itself up.
 */
const MAX_MEMBERS = 20;
const names = fc.oneof(fc.constantFrom("self", "a", "b", ""), fc.string({ maxLength: 8 }));
const uint32 = fc.oneof(fc.nat(5), fc.constantFrom(0xfffffffe, 0xffffffff));
const uint16 = fc.constantFrom(0, 1, 7946, 65_535);
const buffer = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const address = fc.oneof(
  fc.nat(255).map((last) => Buffer.of(10, 0, 0, last)),
  buffer(16),
);
const versions = fc.oneof(fc.constant(Buffer.of(1, 5, 2, 0, 0, 0)), buffer(8));
const source = { sourceAddr: address, sourcePort: uint16, sourceNode: names };

const rumour = { node: names, incarnation: uint32, from: names };
const alive = fc.record({
  node: names,
  incarnation: uint32,
  addr: address,
  port: uint16,
  meta: buffer(4),
  vsn: versions,
});
const ping = fc.record({ seqNo: uint32, node: names, ...source });
const indirect = fc.record({
  seqNo: uint32,
  node: names,
  target: address,
  port: uint16,
  nack: fc.boolean(),
  ...source,
});
const ack = fc.record({ seqNo: uint32, payload: buffer(4) });
const packet: fc.Arbitrary<PacketMessage> = fc.oneof(
  alive.map((one): PacketMessage => ({ kind: "alive", alive: one })),
  fc.record(rumour).map((suspect): PacketMessage => ({ kind: "suspect", suspect })),
  fc.record(rumour).map((dead): PacketMessage => ({ kind: "dead", dead })),
  ping.map((one): PacketMessage => ({ kind: "ping", ping: one })),
  indirect.map((indirectPing): PacketMessage => ({ kind: "indirect-ping", indirectPing })),
  ack.map((one): PacketMessage => ({ kind: "ack", ack: one })),
  uint32.map((seqNo): PacketMessage => ({ kind: "nack", nack: { seqNo } })),
  buffer(8).map((payload): PacketMessage => ({ kind: "user", payload })),
);
const pushed: fc.Arbitrary<PushedNode> = fc.record({
  name: names,
  addr: address,
  port: uint16,
  meta: buffer(4),
  incarnation: uint32,
  state: fc.constantFrom(...NODE_STATES),
  vsn: versions,
});
const pushPull = fc.record({ join: fc.boolean(), nodes: fc.array(pushed, { maxLength: 6 }), userState: buffer(4) });
const frame: fc.Arbitrary<FrameMessage> = fc.oneof(
  pushPull.map((one): FrameMessage => ({ kind: "push-pull", pushPull: one })),
  ping.map((one): FrameMessage => ({ kind: "ping", ping: one })),
  ack.map((one): FrameMessage => ({ kind: "ack", ack: one })),
  fc.string({ maxLength: 8 }).map((error): FrameMessage => ({ kind: "error", error })),
);
const from = { host: "10.0.0.9", port: 7946 };
const failure = fc.constantFrom("refused", "silent", "timeout", "unreachable", "broken");
const input: fc.Arbitrary<Input> = fc.oneof(
  { weight: 6, arbitrary: packet.map((message): Input => ({ kind: "message", message, from })) },
  { weight: 2, arbitrary: frame.map((message): Input => ({ kind: "request", message })) },
  // Answers to what it asked, and to what it never did.
  fc.record({ id: fc.nat(8), reply: frame }).map((one): Input => ({ kind: "exchanged", ...one })),
  fc.record({ id: fc.nat(8), failure }).map((one): Input => ({ kind: "exchange-failed", why: "no", ...one })),
);

function checkBounds(state: MembershipState): void {
  assert.ok(state.members.size <= MAX_MEMBERS);
  assert.ok(state.suspicions.size <= state.members.size);
  assert.ok(state.broadcasts.length <= state.members.size, "one rumour a name");
  assert.ok(state.userBroadcasts.length <= 1024 && state.relays.size <= 4096);
  assert.equal(state.self.state, "alive");
}

test("a member that says anything breaks nothing", (t) => {
  const story = fc.array(fc.tuple(input, fc.nat(2500)), { maxLength: 60 });
  fc.assert(
    fc.property(story, (steps) => {
      const own = { name: "self", addr: Buffer.of(10, 0, 0, 1), port: 7946, maxMembers: MAX_MEMBERS };
      const state = startMembership({ ...LAN_SETTINGS, ...own }, { random: seededRandom(1), now: 0 });
      let now = 0;
      for (const [one, ms] of steps) {
        step(state, one, now);
        const end = now + ms;
        for (let wakes = 0; nextWake(state) <= end; wakes += 1) {
          assert.ok(wakes < 10_000, "time goes on");
          now = Math.max(now, nextWake(state));
          step(state, { kind: "time" }, now);
        }
        now = end;
        checkBounds(state);
      }
    }),
    fuzzing(t, 400),
  );
});
