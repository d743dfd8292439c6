import assert from "node:assert/strict";
import { test } from "node:test";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { seededRandom } from "../../lib/random.ts";
import { encryptionVersionOf } from "../wire/encryption.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import { openPacket, type PacketMessage } from "../wire/packet.ts";
import type { Effect } from "./effects.ts";
import type { Input } from "./inputs.ts";
import type { MembershipState } from "./membership-state.ts";
import { LAN_SETTINGS } from "./settings.ts";
import { nextWake, startMembership, step } from "./step.ts";

/** What depends on the protocol version: of the other side where it must understand, of this one where it speaks. */
const plain = PLAIN_SEAL;
const from = { host: "10.0.0.2", port: 7946 };

function start(protocolVersion = 2): MembershipState {
  const own = { name: "self", addr: Buffer.of(10, 0, 0, 1), port: 7000, protocolVersion };
  return startMembership({ ...LAN_SETTINGS, ...own }, { random: seededRandom(1), now: 0 });
}

function meet(state: MembershipState, node: string, { last, max }: { last: number; max: number }): void {
  const vsn = Buffer.of(1, max, Math.min(2, max), 0, 0, 0);
  const alive = { node, incarnation: 1, addr: Buffer.of(10, 0, 0, last), port: 7946, meta: EMPTY, vsn };
  step(state, { kind: "message", message: { kind: "alive", alive }, from }, 0);
}

function run(
  state: MembershipState,
  ms: number,
  answer: (effect: Effect) => Input | undefined = () => undefined,
): Effect[] {
  const effects: Effect[] = [];
  while (nextWake(state) <= ms) {
    const now = nextWake(state);
    for (const effect of step(state, { kind: "time" }, now).effects) {
      effects.push(effect);
      const input = answer(effect);
      if (input) effects.push(...step(state, input, now).effects);
    }
  }
  return effects;
}

function messages(effect: Effect): PacketMessage[] {
  return effect.kind === "packet" ? effect.parts.flatMap((part) => openPacket(part, plain).messages) : [];
}

const table = [1, 2, 3, 4, 5].map((max) => ({ max, stream: max >= 3, nack: max >= 4, checksum: max >= 5 }));
for (const { max, stream, nack, checksum } of table) {
  test(`a node that understands up to version ${max} gets what it understands, and is probed, suspected and lost like all`, () => {
    const state = start();
    meet(state, "a", { last: 2, max });
    meet(state, "b", { last: 3, max });
    const effects = run(state, 30_000);
    const packets = effects.filter((effect) => effect.kind === "packet");
    assert.ok(packets.length > 0 && packets.every((packet) => packet.checksum === checksum), "checksums");
    const asked = effects.flatMap(messages).filter((message) => message.kind === "indirect-ping");
    assert.ok(asked.length > 0 && asked.every(({ indirectPing }) => indirectPing.nack === nack), "nacks");
    const tried = effects.some((effect) => effect.kind === "exchange" && effect.body[0] === 0);
    assert.equal(tried, stream, "a ping over TCP");
    assert.ok(effects.some((effect) => effect.kind === "report" && effect.report.kind === "failed"));
  });
}

test("with version 1 all nodes have one port, and encryption is of version 0", () => {
  const one = start(1);
  meet(one, "a", { last: 2, max: 1 });
  assert.equal(one.members.get("a")?.port, 7000, "its own, whatever the other one says");
  const two = start(2);
  meet(two, "a", { last: 2, max: 5 });
  assert.equal(two.members.get("a")?.port, 7946);
  assert.deepEqual([1, 2, 3, 4, 5].map(encryptionVersionOf), [0, 1, 1, 1, 1]);
});

test("a nack tells a node that asked for it that its helper lives: it does not take itself for less healthy", () => {
  const scoreWith = (nacks: boolean): number => {
    const state = start();
    meet(state, "a", { last: 2, max: 5 });
    meet(state, "b", { last: 3, max: 5 });
    // One probe has ended by then, and no second one.
    run(state, 1999, (effect) => {
      const [asked] = messages(effect).filter((message) => message.kind === "indirect-ping");
      if (!nacks || asked?.kind !== "indirect-ping") return undefined;
      return { kind: "message", message: { kind: "nack", nack: { seqNo: asked.indirectPing.seqNo } }, from };
    });
    return state.score;
  };
  assert.equal(scoreWith(true), 0);
  assert.ok(scoreWith(false) > 0);
});
