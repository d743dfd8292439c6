import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fuzzing } from "../../../test/membership/fuzz-seed.ts";
import { PLAIN_SEAL } from "../../../test/support/plain-seal.ts";
import { seededRandom } from "../../lib/random.ts";
import type { PacketMessage } from "../wire/packet.ts";
import { EMPTY } from "../wire/msgpack-reader.ts";
import { openPacket } from "../wire/packet.ts";
import type { PushedNode } from "../wire/push-pull.ts";
import type { Effect, Report } from "./effects.ts";
import type { Input } from "./inputs.ts";
import type { MembershipState } from "./membership-state.ts";
import { LAN_SETTINGS, type Settings } from "./settings.ts";
import { nextWake, startMembership, step } from "./step.ts";

const from = { host: "10.0.0.9", port: 7946 };
const vsn = Buffer.of(1, 5, 2, 0, 0, 0);
const addr = (last: number): Buffer => Buffer.of(10, 0, 0, last);

/** A node with simulated time. */
class Subject {
  readonly state: MembershipState;
  readonly effects: Effect[] = [];
  now = 0;

  constructor(settings: Partial<Settings> = {}) {
    const own = { name: "self", addr: addr(1), port: 7946 };
    this.state = startMembership({ ...LAN_SETTINGS, ...own, ...settings }, { random: seededRandom(1), now: 0 });
  }

  do(input: Input): readonly Effect[] {
    const { effects } = step(this.state, input, this.now);
    this.effects.push(...effects);
    return effects;
  }

  hear(message: PacketMessage): Report[] {
    return reports(this.do({ kind: "message", message, from }));
  }

  alive(node: string, incarnation = 1, last = 2, meta = EMPTY): Report[] {
    return this.hear({ kind: "alive", alive: { node, incarnation, addr: addr(last), port: 7946, meta, vsn } });
  }

  suspect(node: string, by: string, incarnation = 1): Report[] {
    return this.hear({ kind: "suspect", suspect: { node, incarnation, from: by } });
  }

  dead(node: string, by: string, incarnation = 1): Report[] {
    return this.hear({ kind: "dead", dead: { node, incarnation, from: by } });
  }

  /** Lets time pass, in the steps in which timers fall due; connections find nobody unless told otherwise. */
  wait(ms: number, answer: (effect: Effect) => Input | undefined = () => undefined): Effect[] {
    const end = this.now + ms;
    const brought: Effect[] = [];
    while (nextWake(this.state) <= end) {
      this.now = nextWake(this.state);
      for (const effect of this.do({ kind: "time" })) {
        brought.push(effect);
        const input = answer(effect);
        if (input) brought.push(...this.do(input));
      }
    }
    this.now = end;
    return brought;
  }

  is(name: string): string | undefined {
    return this.state.members.get(name)?.state;
  }
}

function reports(effects: readonly Effect[]): Report[] {
  return effects.flatMap((effect) => (effect.kind === "report" ? [effect.report] : []));
}

function kinds(news: readonly Report[]): string[] {
  return news.map(({ kind }) => kind);
}

function sent(effects: readonly Effect[]): PacketMessage[] {
  return effects.flatMap((effect) =>
    effect.kind === "packet" ? effect.parts.flatMap((part) => openPacket(part, PLAIN_SEAL).messages) : [],
  );
}

const refused = (effect: Effect): Input | undefined =>
  effect.kind === "exchange"
    ? { kind: "exchange-failed", id: effect.id, failure: "refused", why: "refused" }
    : undefined;

test("a node lives, is suspected, recovers, dies and comes back by incarnation", () => {
  const subject = new Subject();
  assert.deepEqual(kinds(subject.alive("a")), ["joined"]);
  assert.deepEqual(kinds(subject.alive("a")), [], "nothing new");
  assert.deepEqual(kinds(subject.suspect("a", "b")), ["suspected"]);
  assert.deepEqual(kinds(subject.alive("a", 1)), [], "the suspicion is of this incarnation");
  assert.deepEqual(kinds(subject.alive("a", 2)), ["recovered"]);
  assert.deepEqual(kinds(subject.suspect("a", "b", 1)), [], "an old suspicion");
  assert.deepEqual(kinds(subject.dead("a", "b", 2)), ["failed"]);
  assert.deepEqual(kinds(subject.alive("a", 3)), ["joined"]);
  assert.deepEqual(kinds(subject.dead("a", "a", 3)), ["left"]);
});

test("metadata changes with an incarnation, and is told", () => {
  const subject = new Subject();
  subject.alive("a");
  assert.deepEqual(kinds(subject.alive("a", 2, 2, Buffer.from("new"))), ["updated"]);
  subject.do({ kind: "meta", meta: Buffer.from("mine") });
  assert.equal(subject.state.self.incarnation, 2);
  assert.throws(() => subject.do({ kind: "meta", meta: Buffer.alloc(513) }), /at most 512/u);
});

test("a node that is suspected or declared dead objects with a greater incarnation, and takes itself for less well", () => {
  const subject = new Subject();
  subject.alive("a");
  assert.deepEqual(subject.suspect("self", "a", 7), [{ kind: "refuted", by: "a", incarnation: 8 }]);
  assert.deepEqual(subject.dead("self", "a", 8), [{ kind: "refuted", by: "a", incarnation: 9 }]);
  assert.equal(subject.is("self"), "alive");
  assert.equal(subject.state.score, 2);
  const told = sent(subject.wait(1000)).filter((message) => message.kind === "alive" && message.alive.node === "self");
  assert.ok(told.some((message) => message.kind === "alive" && message.alive.incarnation === 9));
});

test("a living node's name is not given to another address; a left one's is, a dead one's after its time", () => {
  const subject = new Subject({ deadNodeReclaimMs: 5000, probeIntervalMs: 3_600_000 });
  subject.alive("a", 1, 2);
  assert.deepEqual(kinds(subject.alive("a", 9, 3)), ["conflict"]);
  subject.dead("a", "b");
  assert.deepEqual(kinds(subject.alive("a", 9, 3)), ["conflict"], "it may still be there");
  subject.wait(5001);
  assert.deepEqual(kinds(subject.alive("a", 1, 3)), ["joined"]);
  subject.dead("a", "a");
  assert.deepEqual(kinds(subject.alive("a", 1, 4)), ["joined"]);
  assert.deepEqual(kinds(subject.alive("self", 5, 4)), ["conflict"], "nor is its own");
});

test("a probe without an answer is tried through others and over TCP, then the node is suspected and dies", () => {
  const subject = new Subject();
  for (const [index, name] of ["a", "b", "c"].entries()) subject.alive(name, 1, index + 2);
  const effects = subject.wait(3000);
  const messages = sent(effects);
  assert.ok(messages.some(({ kind }) => kind === "ping"));
  assert.ok(messages.some(({ kind }) => kind === "indirect-ping"));
  assert.ok(effects.some(({ kind }) => kind === "exchange"));
  const suspected = reports(effects).find(({ kind }) => kind === "suspected");
  assert.ok(suspected?.kind === "suspected" && suspected.member.suspicion?.direct === true);
  assert.ok(kinds(reports(subject.wait(60_000))).includes("failed"));
});

test("two others who suspect it too shorten a suspect's time from the greatest to the least", () => {
  const names = ["a", "b", "c", "d"];
  const after = (confirmers: readonly string[]): number => {
    const subject = new Subject({ probeIntervalMs: 1000, probeTimeoutMs: 500 });
    for (const [index, name] of names.entries()) subject.alive(name, 1, index + 2);
    for (const one of confirmers) subject.suspect("a", one);
    // It probes nobody, so that no suspicion but those comes.
    subject.state.leaving = true;
    subject.wait(60_000);
    const failed = subject.effects.findIndex((effect) => effect.kind === "report" && effect.report.kind === "failed");
    assert.notEqual(failed, -1);
    return subject.state.members.get("a")?.changedAt ?? subject.now;
  };
  assert.equal(after(["b"]), 24_000);
  assert.equal(after(["b", "b", "b"]), 24_000, "one is one");
  assert.ok(after(["b", "c"]) < 13_000);
  assert.equal(after(["b", "c", "d"]), 4000);
});

test("a second suspicion gets its own time, whatever is left of the first one's", () => {
  const subject = new Subject();
  subject.alive("a");
  subject.state.leaving = true;
  subject.suspect("a", "b");
  subject.wait(3000);
  subject.alive("a", 2);
  subject.wait(900);
  subject.suspect("a", "b", 2);
  subject.wait(3900);
  assert.equal(subject.is("a"), "suspect");
  subject.wait(200);
  assert.equal(subject.is("a"), "dead");
});

test("a suspect whose host refuses connections is down for as long as a restart may take, then dead", () => {
  const subject = new Subject();
  subject.alive("a");
  const early = reports(subject.wait(9000, refused));
  const news = early.find((report) => report.kind === "suspected" && report.member.suspicion?.agentDown === true);
  assert.ok(news);
  assert.equal(subject.is("a"), "suspect");
  subject.wait(8000, refused);
  assert.equal(subject.is("a"), "dead");
});

test("a suspect that answers over TCP does not die", () => {
  const subject = new Subject();
  subject.alive("a");
  subject.alive("b", 1, 3);
  subject.suspect("a", "b");
  subject.wait(60_000, (effect) => {
    if (effect.kind !== "exchange" || effect.body[0] !== 0) return undefined;
    const [ping] = openPacket(effect.body, PLAIN_SEAL).messages;
    const seqNo = ping?.kind === "ping" ? ping.ping.seqNo : 0;
    return { kind: "exchanged", id: effect.id, reply: { kind: "ack", ack: { seqNo, payload: EMPTY } } };
  });
  assert.equal(subject.is("a"), "suspect");
});

test("a node that stood still gives others the lost time back", () => {
  const subject = new Subject();
  subject.alive("a");
  subject.alive("b", 1, 3);
  subject.suspect("a", "b");
  subject.now += 30_000;
  const news = reports(subject.do({ kind: "time" }));
  assert.ok(news.some((report) => report.kind === "stalled" && report.ms > 28_000));
  assert.equal(subject.is("a"), "suspect");
});

test("a ping to somebody else is not answered, and one for others is asked on and told of", () => {
  const subject = new Subject();
  const source = { sourceAddr: addr(5), sourcePort: 99, sourceNode: "five" };
  const ping = (node: string): readonly Effect[] =>
    subject.do({ kind: "message", message: { kind: "ping", ping: { seqNo: 3, node, ...source } }, from });
  assert.deepEqual(sent(ping("other")), []);
  const [answer] = ping("self").filter(({ kind }) => kind === "packet");
  assert.ok(answer?.kind === "packet" && answer.to.host === "10.0.0.5" && answer.to.port === 99);
  const indirectPing = { seqNo: 8, target: addr(6), port: 7946, node: "six", nack: true, ...source };
  const asked = subject.do({ kind: "message", message: { kind: "indirect-ping", indirectPing }, from });
  assert.ok(asked.some((effect) => effect.kind === "packet" && effect.to.host === "10.0.0.6"));
  const later = sent(subject.wait(600));
  assert.ok(later.some((message) => message.kind === "nack" && message.nack.seqNo === 8));
});

test("who leaves does not object to being told so", () => {
  const subject = new Subject();
  subject.alive("a");
  subject.do({ kind: "leave" });
  assert.deepEqual(kinds(subject.dead("self", "a", 9)), []);
  assert.equal(subject.is("self"), "left");
});

test("whoever asks and is taken for dead is told so where it is known to be, and can refute", () => {
  const subject = new Subject();
  subject.alive("a", 4);
  const source = { sourceAddr: addr(5), sourcePort: 99, sourceNode: "a" };
  const asks = (): readonly Effect[] =>
    subject.do({ kind: "message", message: { kind: "ping", ping: { seqNo: 3, node: "self", ...source } }, from });
  // Beside it travel rumours, which are not this node's own word.
  const told = (): PacketMessage[] =>
    sent(asks()).filter((message) => message.kind === "dead" && message.dead.from === "self");
  assert.deepEqual(told(), []);
  subject.dead("a", "b", 4);
  assert.deepEqual(told(), [{ kind: "dead", dead: { node: "a", incarnation: 4, from: "self" } }]);
  assert.ok(asks().some((effect) => effect.kind === "packet" && effect.to.host === "10.0.0.2"));
  assert.deepEqual(kinds(subject.alive("a", 5)), ["joined"]);
  subject.dead("a", "a", 5);
  const afterLeaving = [{ kind: "dead", dead: { node: "a", incarnation: 5, from: "self" } }];
  assert.deepEqual(told(), afterLeaving, "it has left before, and counts anew since it is back");
});

const pushed = (name: string, fields: Partial<PushedNode> = {}): PushedNode => ({
  name,
  addr: addr(7),
  port: 7946,
  meta: EMPTY,
  incarnation: 1,
  state: "alive",
  vsn,
  ...fields,
});

function merge(subject: Subject, nodes: readonly PushedNode[]): readonly Effect[] {
  const pushPull = { join: true, nodes, userState: EMPTY };
  return subject.do({ kind: "request", message: { kind: "push-pull", pushPull } });
}

test("a push/pull answers with all that was known and takes over the rest; its dead are only suspected", () => {
  const subject = new Subject();
  subject.alive("a");
  const effects = merge(subject, [
    pushed("b"),
    pushed("a", { state: "dead", addr: addr(2) }),
    pushed("c", { state: "left" }),
  ]);
  assert.equal(effects.filter(({ kind }) => kind === "reply").length, 1);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => subject.is(name)),
    ["suspect", "alive", undefined],
  );
});

test("nodes that speak what not all understand are refused, with the reason", () => {
  const subject = new Subject();
  for (const versions of [Buffer.of(1, 5, 9, 0, 0, 0), Buffer.of(1, 5, 2, 2, 5, 4)]) {
    const [reply] = merge(subject, [pushed("b", { vsn: versions })]).filter(({ kind }) => kind === "reply");
    assert.match(reply?.kind === "reply" ? reply.body.toString("latin1") : "", /all understand only/u);
    assert.equal(subject.is("b"), undefined);
  }
});

test("leaving is told, is final, and is not objected to", () => {
  const subject = new Subject();
  subject.alive("a");
  assert.deepEqual(kinds(reports(subject.do({ kind: "leave" }))), ["left"]);
  const answerAll = reports(subject.wait(5000));
  assert.ok(kinds(answerAll).includes("leave-told"));
  subject.suspect("self", "a", 5);
  subject.alive("self", 9, 1);
  assert.equal(subject.is("self"), "left");
});

test("a member that was removed is told to have left; this node itself cannot be, and of a forgotten one there is nothing to tell", () => {
  const subject = new Subject();
  subject.alive("a", 7);
  assert.deepEqual(kinds(reports(subject.do({ kind: "force-leave", name: "a" }))), ["left"]);
  assert.equal(subject.is("a"), "left");
  subject.alive("a", 7);
  assert.equal(subject.is("a"), "left", "what it said before is older than its leaving");
  assert.throws(() => subject.do({ kind: "force-leave", name: "self" }), /Cannot take self out: it is this node/u);
  assert.deepEqual(reports(subject.do({ kind: "force-leave", name: "stranger" })), []);
});

test("names beyond the limit are not taken", () => {
  const subject = new Subject({ maxMembers: 3 });
  for (let index = 2; index < 10; index += 1) subject.alive(`n${index}`, 1, index);
  assert.equal(subject.state.members.size, 3);
  assert.equal(subject.state.counters.ignored, 6);
});

test("a node that failed is looked for after it was forgotten", () => {
  const subject = new Subject({ agentRestartMs: 0 });
  subject.alive("a");
  const effects = subject.wait(300_000, (effect) =>
    effect.kind === "exchange"
      ? { kind: "exchange-failed", id: effect.id, failure: "timeout", why: "no answer" }
      : undefined,
  );
  assert.ok(kinds(reports(effects)).includes("forgotten"));
  const tries = effects.slice(
    effects.findIndex((effect) => effect.kind === "report" && effect.report.kind === "forgotten"),
  );
  assert.ok(
    tries.some((effect) => effect.kind === "exchange" && effect.to.host === "10.0.0.2" && effect.body[0] === 6),
  );
});

test("whatever comes, incarnations never go back and nothing throws", (t) => {
  const names = fc.constantFrom("self", "a", "b", "c");
  const incarnation = fc.oneof(fc.nat(4), fc.constant(0xffffffff));
  const message = fc.oneof(
    fc
      .record({ node: names, incarnation, last: fc.integer({ min: 1, max: 4 }) })
      .map(({ node, incarnation: count, last }): PacketMessage => ({
        kind: "alive",
        alive: { node, incarnation: count, addr: addr(last), port: 7946, meta: EMPTY, vsn },
      })),
    fc
      .record({ node: names, incarnation, from: names })
      .map((suspect): PacketMessage => ({ kind: "suspect", suspect })),
    fc.record({ node: names, incarnation, from: names }).map((dead): PacketMessage => ({ kind: "dead", dead })),
    fc.record({ seqNo: fc.nat(5), payload: fc.constant(EMPTY) }).map((ack): PacketMessage => ({ kind: "ack", ack })),
  );
  const story = fc.array(fc.tuple(message, fc.nat(1500)), { maxLength: 40 });
  fc.assert(
    fc.property(story, (steps) => {
      const subject = new Subject();
      const highest = new Map<string, number>();
      for (const [one, ms] of steps) {
        subject.hear(one);
        subject.wait(ms);
        for (const { name, incarnation: count } of subject.state.members.all()) {
          assert.ok(count >= (highest.get(name) ?? 0) || subject.is(name) === "alive");
          highest.set(name, count);
        }
        assert.equal(subject.is("self"), "alive");
      }
    }),
    fuzzing(t, 200),
  );
});
