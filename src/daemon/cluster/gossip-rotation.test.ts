import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { memberView } from "../../../test/support/member-view.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { seededRandom } from "../../lib/random.ts";
import type { MemberView } from "../../membership/protocol/effects.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";
import { DeniedNodes } from "../../security/denied-nodes.ts";
import { GossipKeys } from "../../security/gossip-keys.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { CurrentGossipKey } from "../replication/current-gossip-key.ts";
import { Removals } from "../replication/removals.ts";
import { GossipRotation, type GossipRotationDeps } from "./gossip-rotation.ts";
import type { Answer, Question } from "./peer-questions.ts";

interface Node {
  readonly gossip: GossipKeys;
  readonly rotation: GossipRotation;
  readonly current: CurrentGossipKey;
  readonly denied: DeniedNodes;
  readonly store: ReturnType<typeof openMemoryStore>;
  readonly answers: Map<string, Answer>;
  state: MemberView["state"];
  /** Called before a question is answered, with its step. */
  asked: (step: unknown) => Promise<void> | void;
}

/** Goes a hundred times as fast, and can be put forward. */
class TestClock {
  passed = 0;
  readonly clock: Clock = {
    ...systemClock,
    monotonic: () => this.passed + systemClock.monotonic() * 100,
    sleep: (ms) => systemClock.sleep(ms / 100),
  };
}

/** Members with one key, which ask each other without a network; their stores do not replicate. */
async function cluster(t: TestContext, names: readonly string[], { clock }: TestClock): Promise<Record<string, Node>> {
  const nodes: Record<string, Node> = {};
  const first = Buffer.alloc(32, 1);
  const members = (): MemberView[] => Object.entries(nodes).map(([name, { state }]) => memberView(name, state));
  for (const [at, nodeName] of names.entries()) {
    const directory = await mkdtemp(join(tmpdir(), "gossip-rotation-test-"));
    t.after(() => rm(directory, { recursive: true }));
    const gossip = await GossipKeys.open(join(directory, "gossip.json"), [first]);
    const answers = new Map<string, Answer>();
    const ask = async ({ host }: { readonly host: string }, question: Question) => {
      const asked = nodes[host];
      await asked?.asked(question["step"]);
      if (nodes[nodeName]?.denied.until(host) !== undefined)
        throw new RefusedError("NodeDenied", `${host} was removed`);
      const answer = asked?.answers.get(question.kind);
      if (!answer || asked?.state !== "alive") throw new Error("it cannot be reached");
      return await answer(JSON.parse(JSON.stringify(question)), {
        clusterId: "",
        nodeName,
        memberSince: 0,
        notAfter: 0,
      });
    };
    const store = openMemoryStore({ clock });
    const current = new CurrentGossipKey({ store, replica: store });
    const none = async (): Promise<void> => {};
    const rotation = new GossipRotation({
      gossip,
      current,
      removals: new Removals({ store, replica: store }),
      questions: { ask, answers: (kind: string, answer: Answer) => void answers.set(kind, answer) },
      client: { members, installKey: none, useKey: none, removeKey: none },
      authority: { material: {} },
      others: () => [],
      random: seededRandom(at),
      clock,
      nodeName,
    } as unknown as GossipRotationDeps);
    const denied = new DeniedNodes({ store, clock });
    nodes[nodeName] = { gossip, rotation, current, denied, store, answers, state: "alive", asked: () => {} };
  }
  return nodes;
}

const rings = (...nodes: readonly Node[]): string[] => [
  ...new Set(nodes.map(({ gossip }) => gossip.keys.map((key) => key.toString("hex")).join("+"))),
];

function assertOneKey(...nodes: readonly Node[]): void {
  const [ring = "", ...others] = rings(...nodes);
  assert.deepEqual(others, [], "all have the same keys");
  assert.match(ring, /^[0-9a-f]{64}$/, "there is one");
  for (const { current, gossip } of nodes) assert.ok(current.is(gossip.keys[0]), "and it is known for the cluster's");
}

test("all living members have the new key and no other", async (t) => {
  const { a, b, c } = (await cluster(t, ["a", "b", "c"], new TestClock())) as { a: Node; b: Node; c: Node };
  const old = rings(a);
  assert.deepEqual(await a.rotation.rotate(), { count: 3, away: [] });
  assertOneKey(a, b, c);
  assert.notDeepEqual(rings(a), old);
  c.state = "dead";
  assert.deepEqual(await b.rotation.rotate(), { count: 2, away: ["c"] });
  assertOneKey(a, b);
});

test("members that replace it at the same time do so one after the other, and one key is left", async (t) => {
  const nodes = (await cluster(t, ["a", "b", "c", "d"], new TestClock())) as Record<"a" | "b" | "c" | "d", Node>;
  const done = await Promise.all([nodes.a, nodes.b, nodes.c, nodes.c].map(({ rotation }) => rotation.rotate()));
  assert.deepEqual(
    done.map(({ count }) => count),
    [4, 4, 4, 4],
  );
  assertOneKey(...Object.values(nodes));
});

test("a node that one removes while another replaces the key has no key of the cluster afterwards", async (t) => {
  const { a, b, c, gone } = (await cluster(t, ["a", "b", "c", "gone"], new TestClock())) as Record<string, Node>;
  assert.ok(a && b && c && gone);
  const removed = Promise.withResolvers<unknown>();
  // b has given the new key to all, also to the one that a removes at this moment.
  c.asked = async (step) => {
    if (step !== "use") return;
    c.asked = () => {};
    for (const { denied } of [a, b, c]) await denied.deny("gone");
    a.rotation.rotate(["gone"]).then(removed.resolve, removed.reject);
  };
  assert.equal((await b.rotation.rotate()).count, 3);
  await removed.promise;
  assertOneKey(a, b, c);
  for (const key of gone.gossip.keys) assert.ok(!c.gossip.keys.some((one) => one.equals(key)));
});

test("who waits too long for another's rotation says for whose, and one that broke off is not waited for", async (t) => {
  const time = new TestClock();
  const { a, b, c } = (await cluster(t, ["a", "b", "c"], time)) as { a: Node; b: Node; c: Node };
  const [never, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  c.asked = async (step) => {
    if (step !== "use") return;
    begun.resolve();
    await never.promise;
  };
  const broken = a.rotation.rotate();
  await begun.promise;
  // a lives and goes on with its rotation as far as it knows itself.
  await assert.rejects(b.rotation.rotate(), /^Error: a is replacing it; try again when that has ended$/);
  a.state = "dead";
  c.asked = () => {};
  assert.deepEqual(await b.rotation.rotate(), { count: 2, away: ["a"] });
  assertOneKey(b, c);
  never.resolve();
  await broken;
});

test("a member that is back keeps the newest key, whatever a removed node gives it at the same time", async (t) => {
  for (const order of [
    ["a", "gone"],
    ["gone", "a"],
  ]) {
    const nodes = await cluster(t, ["a", "b", "n", "gone"], new TestClock());
    const { a, b, n } = nodes as Record<"a" | "b" | "n", Node>;
    n.state = "dead";
    await a.rotation.rotate();
    await b.rotation.rotate(["gone"]);
    n.state = "alive";
    // n has not heard of the removal, and both answers come before it has taken over either.
    const [asked, both] = [new Set<string>(), Promise.withResolvers<void>()];
    for (const name of order) {
      const node = nodes[name] as Node;
      node.asked = async () => {
        if (asked.add(name).size === order.length) both.resolve();
        await both.promise;
      };
    }
    await Promise.all(order.map((host) => n.rotation.fetch({ host, port: 7946 })));
    assertOneKey(a, b, n);
    for (const member of [a, b, n]) await member.store.apply([...n.store.states()]);
    assertOneKey(a, b, n);
  }
});

test("a key that was left over is removed after a while, and never the one in use or one of a rotation under way", async (t) => {
  const time = new TestClock();
  const { a, b } = (await cluster(t, ["a", "b"], time)) as { a: Node; b: Node };
  await a.rotation.rotate();
  const stray = Buffer.alloc(32, 7);
  await b.gossip.add(stray);
  await b.rotation.tidy();
  assert.equal(b.gossip.keys.length, 2);
  time.passed += 60_000;
  await b.rotation.tidy();
  assertOneKey(a, b);
  await b.gossip.add(stray);
  await b.gossip.use(stray);
  await b.rotation.tidy();
  assert.equal(b.gossip.keys.length, 2, "which of them is the cluster's is not for b to say");
});
