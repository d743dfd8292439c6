import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { eventually } from "../../../test/poll.ts";
import { ApiError } from "../../api/api-error.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { seededRandom, systemRandom } from "../../lib/random.ts";
import { keyId, stateVersion } from "../object-state.ts";
import type { ObjectStore } from "../object-store.ts";
import { openMemoryStore } from "../open-memory-store.ts";
import type { Key } from "../port.ts";
import { pod, podKey } from "../store.contract.ts";
import { TombstoneConfirmations } from "../tombstones/tombstone-confirmations.ts";
import { MemoryNetwork } from "./memory-links.ts";
import { Replicator, type ReplicatorOptions } from "./replicator.ts";

interface Node {
  readonly name: string;
  readonly clock: { skewMs: number };
  readonly store: ObjectStore;
  readonly replicator: Replicator;
  readonly refused: string[];
  /** As the store of an agent does every half minute. */
  collect(): Promise<void>;
}

interface Group {
  readonly network: MemoryNetwork;
  readonly nodes: readonly Node[];
}

function start(t: TestContext, count: number, options: Partial<ReplicatorOptions> = {}): Group {
  const network = new MemoryNetwork();
  const names = Array.from({ length: count }, (_, index) => `n${index + 1}`);
  const stop = new AbortController();
  const nodes = names.map((name) => startNode(name, { network, names }, options));
  const ends = nodes.map(({ replicator }) => replicator.run(stop.signal));
  t.after(async () => {
    stop.abort();
    await Promise.all(ends);
  });
  return { network, nodes };
}

function startNode(
  name: string,
  { network, names }: { network: MemoryNetwork; names: readonly string[] },
  options: Partial<ReplicatorOptions>,
): Node {
  const own = { skewMs: 0 };
  const clock = { ...systemClock, now: () => systemClock.now() + own.skewMs };
  const store = openMemoryStore({ replica: name, clock });
  const confirmations = new TombstoneConfirmations(() => names);
  const refused: string[] = [];
  const replicated = {
    states: () => store.states(),
    state: (key: Key) => store.state(key),
    apply: store.apply.bind(store),
    collect: store.collect.bind(store),
    onApplied: store.onApplied.bind(store),
    confirmTombstones: confirmations.confirm.bind(confirmations),
  };
  const replicator = new Replicator(
    {
      store: replicated,
      links: network.of(name),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      observer: {
        received: () => {},
        refused: (from, keys) => void refused.push(`${keys.map(keyId).join()} of ${from}`),
        exchanged: () => {},
      },
    },
    { replicates: ({ resource }) => resource === "pods", repairEveryMs: 60_000, retryMs: 10, ...options },
  );
  network.add(name, replicator.answers);
  const collect = async (): Promise<void> => {
    confirmations.confirm(name, store.states());
    await store.collect((state) => confirmations.isDone(state, clock.now()));
  };
  return { name, clock: own, store, replicator, refused, collect };
}

function versions({ store }: Node): string[] {
  return [...store.states("pods")].map((state) => `${keyId(state.key)} ${stateVersion(state)}`).toSorted();
}

async function agree(nodes: readonly Node[], what: string): Promise<void> {
  const same = (): boolean => nodes.every((node) => String(versions(node)) === String(versions(nodes[0] as Node)));
  await eventually(same, { what, timeoutMs: 60_000 });
}

const has = (node: Node, name: string): boolean => node.store.get(podKey(name)) !== undefined;

test("a change is pushed at once to all others, and what is not replicated stays", async (t) => {
  const { nodes } = start(t, 3);
  const [one, two, three] = nodes as [Node, Node, Node];
  await one.store.create(podKey("a"), pod("a", { spec: { x: 1 } }));
  await one.store.create({ resource: "configmaps", namespace: "default", name: "own" }, pod("own"));
  await eventually(() => has(two, "a") && has(three, "a"), { what: "the pod" });
  await three.store.update(podKey("a"), pod("a", { status: { y: 2 } }), { register: "status" });
  await two.store.delete(podKey("a"));
  await agree(nodes, "all to have the tombstone");
  assert.ok(!has(one, "a"));
  assert.equal([...two.store.states("configmaps")].length, 0);
});

test("one that was cut away, unnoticed or not, has everything soon after, both ways", async (t) => {
  for (const unnoticed of [true, false]) {
    const { nodes, network } = start(t, 3);
    const [one, two, three] = nodes as [Node, Node, Node];
    await one.store.create(podKey("kept"), pod("kept"));
    await one.store.create(podKey("gone"), pod("gone"));
    await agree(nodes, "the start");
    network.unnoticed = unnoticed;
    network.move("n3", 1);
    await one.store.delete(podKey("gone"));
    await two.store.create(podKey("new"), pod("new"));
    await three.store.create(podKey("own"), pod("own"));
    await three.store.update(podKey("gone"), pod("gone", { spec: { x: 1 } }), { register: "main" });
    await agree([one, two], "two to agree without the third");
    assert.ok(has(three, "gone") && !has(three, "new") && !has(one, "own"));
    network.move("n3", 0);
    if (!unnoticed) for (const { replicator } of [one, two]) replicator.appeared("n3");
    await agree(nodes, "all to agree again");
    assert.deepEqual([has(one, "own"), has(three, "new"), has(one, "gone")], [true, true, false]);
  }
});

test("without any push, comparing repairs in time", async (t) => {
  const { nodes, network } = start(t, 3, { repairEveryMs: 20 });
  const [one, , three] = nodes as [Node, Node, Node];
  network.move("n3", 1);
  await one.store.create(podKey("a"), pod("a"));
  await eventually(() => network.asked.filter((line) => line === "n1 store-compare n3").length > 2, { what: "tries" });
  network.move("n3", 0);
  await eventually(() => has(three, "a"), { what: "the repair" });
});

test("a replica that is new gets all of a large state, in parts", async (t) => {
  const { nodes, network } = start(t, 2);
  const [one, two] = nodes as [Node, Node];
  network.move("n2", 1);
  const data = "x".repeat(10_000);
  for (let index = 0; index < 300; index += 1)
    await one.store.create(podKey(`p${index}`), pod(`p${index}`, { spec: { data } }));
  await two.store.create(podKey("other"), pod("other"));
  network.move("n2", 0);
  two.replicator.appeared("n1");
  await agree(nodes, "all 301 pods");
  assert.equal(two.store.list("pods").entries.length, 301);
  const before = network.asked.length;
  one.replicator.appeared("n2");
  await eventually(() => network.asked.length > before, { what: "a comparison" });
  await eventually(() => one.replicator.backlog().waiting === 0, { what: "its end" });
  assert.deepEqual(network.asked.slice(before), ["n1 store-compare n2"]);
});

test("a tombstone stays until all members have it, and does not come back", async (t) => {
  const { nodes, network } = start(t, 3);
  const [one, two, three] = nodes as [Node, Node, Node];
  await one.store.create(podKey("a"), pod("a"));
  await agree(nodes, "the pod");
  network.move("n3", 1);
  await one.store.delete(podKey("a"));
  await agree([one, two], "the tombstone");
  for (const node of nodes) node.clock.skewMs = 2 * 3_600_000;
  const compareAll = async (): Promise<void> => {
    for (const { replicator } of nodes) for (const { name } of nodes) replicator.appeared(name);
    await eventually(() => nodes.every(({ replicator }) => replicator.backlog().waiting === 0), { what: "comparing" });
  };
  for (let round = 0; round < 3; round += 1) {
    await compareAll();
    for (const node of nodes) await node.collect();
  }
  assert.deepEqual(
    [one, two].map((node) => versions(node).length),
    [1, 1],
    "n3 has not confirmed it",
  );
  network.move("n3", 0);
  await compareAll();
  await agree(nodes, "the tombstone everywhere");
  assert.ok(!has(three, "a"));
  // One collects before the others, and is then told of the tombstone again.
  await compareAll();
  await one.collect();
  assert.deepEqual(versions(one), []);
  await compareAll();
  await agree(nodes, "all to have dropped it");
  assert.deepEqual(versions(three), []);
});

test("a stamp too far ahead is refused, told of, and taken once its time has come", async (t) => {
  const { nodes } = start(t, 2, { repairEveryMs: 50 });
  const [one, two] = nodes as [Node, Node];
  one.clock.skewMs = 10 * 60_000;
  await one.store.create(podKey("a"), pod("a"));
  await eventually(() => two.refused.length > 1, { what: "the refusals" });
  assert.equal(two.refused[0], "pods/default/a of n1");
  assert.ok(!has(two, "a"));
  two.clock.skewMs = 6 * 60_000;
  await eventually(() => has(two, "a"), { what: "the pod" });
});

test("a push by whoever asks is answered once it is on disk, or with why it is not", async (t) => {
  const { nodes, network } = start(t, 2, { repairEveryMs: 60_000 });
  const [one, two] = nodes as [Node, Node];
  network.move("n2", 1);
  await one.store.create(podKey("a"), pod("a"));
  const question = one.replicator.pushQuestion([podKey("a"), podKey("none")]);
  await two.replicator.answers["store-push"]?.(question, "n1");
  assert.ok(has(two, "a"));
  one.clock.skewMs = 10 * 60_000;
  await one.store.create(podKey("b"), pod("b"));
  const ahead = one.replicator.pushQuestion([podKey("b")]);
  await assert.rejects(async () => await two.replicator.answers["store-push"]?.(ahead, "n1"), /clock is too far ahead/);
});

test("in a large cluster a change goes to a few, who pass it on", async (t) => {
  const { nodes, network } = start(t, 40, { pushToAllUpTo: 16, repairEveryMs: 300 });
  await eventually(() => nodes.every(({ replicator }) => replicator.backlog().waiting === 0), { what: "the start" });
  const before = network.asked.length;
  await nodes[0]?.store.create(podKey("a"), pod("a"));
  await agree(nodes, "all 40 to have it");
  const first = network.asked.slice(before).filter((line) => line.startsWith("n1 store-push")).length;
  assert.ok(first < 10, `${first} pushes of the first`);
});

test("in a large cluster what one repairs is not passed on as if it were new", async (t) => {
  const { nodes, network } = start(t, 20, { pushToAllUpTo: 4 });
  await eventually(() => nodes.every(({ replicator }) => replicator.backlog().waiting === 0), { what: "the start" });
  network.move("n20", 1);
  for (let index = 0; index < 30; index += 1) await nodes[0]?.store.create(podKey(`p${index}`), pod(`p${index}`));
  await eventually(() => nodes.every(({ replicator }) => replicator.backlog().waiting === 0), { what: "the pushes" });
  network.move("n20", 0);
  const last = nodes[19] as Node;
  const before = network.asked.length;
  last.replicator.appeared("n1");
  await eventually(() => versions(last).length === 30, { what: "the repair" });
  await eventually(() => last.replicator.backlog().waiting === 0, { what: "its end" });
  assert.ok(!network.asked.slice(before).some((line) => line.startsWith("n20 store-push")));
});

test("whatever happens to a few replicas on a network that parts and heals, they agree in the end", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed);
      const pick = (count: number): number => Math.floor(random.next() * count);
      const { nodes, network } = start(t, 4, { repairEveryMs: 30 });
      network.unnoticed = random.next() < 0.5;
      for (let step = 0; step < 60; step += 1) {
        const { store, name: node } = nodes[pick(nodes.length)] as Node;
        const name = `p${pick(6)}`;
        const actions = [
          () => store.create(podKey(name), pod(name, { spec: { step } })),
          () => store.update(podKey(name), pod(name, { spec: { step } }), { register: "main" }),
          () => store.update(podKey(name), pod(name, { status: { step } }), { register: "status" }),
          () => store.delete(podKey(name)),
          async () => network.move(node, pick(2)),
          () => systemClock.sleep(2),
        ];
        await actions[pick(actions.length)]?.().catch((error: unknown) => assert.ok(error instanceof ApiError));
      }
      for (const { name } of nodes) network.move(name, 0);
      await agree(nodes, `all to agree (seed ${seed})`);
    }),
    { numRuns: 8 },
  );
});

test("a replica that sends rubbish changes nothing", async (t) => {
  const { nodes } = start(t, 1);
  const [one] = nodes as [Node];
  const answer = one.replicator.answers["store-push"];
  const good = { key: podKey("a"), uid: "u", created: "0".repeat(16) };
  const main = { stamp: "0".repeat(16), content: { metadata: {} } };
  const rubbish = [
    null,
    7,
    { ...good, key: { resource: "pods" } },
    { ...good, created: "zz" },
    { ...good, main: { ...main, content: {} } },
    { ...good, main: { ...main, stamp: 5 } },
    { ...good, seen: { n1: 5 } },
    { ...good, key: { ...good.key, resource: "secrets" }, main },
  ];
  for (const states of [rubbish, "x", undefined]) await answer?.({ states }, "n2");
  assert.deepEqual([...one.store.states()], []);
  await answer?.({ states: [{ ...good, main }] }, "n2");
  assert.ok(has(one, "a"));
  await assert.rejects(async () => await one.replicator.answers["store-compare"]?.({}, "n2"), /there are no hashes/);
});
