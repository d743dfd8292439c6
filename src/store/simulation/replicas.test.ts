import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isReason } from "../../api/api-error.ts";
import { type Random, seededRandom } from "../../lib/random.ts";
import { pod, podKey } from "../store.contract.ts";
import { digestOf } from "./digest.ts";
import type { ObjectStore } from "../object-store.ts";
import type { StoreEvent } from "../port.ts";
import type { Causality } from "./causality.ts";
import { Replicas } from "./replicas.ts";

/** What a client knows from a list and the events after it, wherever it got them. */
class Informer {
  readonly known = new Map<string, string>();
  readonly #stores: readonly ObjectStore[];
  #stop = new AbortController();
  #resourceVersion: string | undefined;
  relists = 0;

  constructor(stores: readonly ObjectStore[]) {
    this.#stores = stores;
  }

  /** Goes on at another replica with the version that it has, as a client behind a load balancer does. */
  moveTo(index: number): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    const store = this.#stores[index] as ObjectStore;
    const listener = (event: StoreEvent): void => this.#hear(event);
    try {
      if (this.#resourceVersion !== undefined) {
        store.watch("pods", this.#resourceVersion, listener, this.#stop.signal);
        return;
      }
    } catch (error) {
      assert.ok(isReason(error, "Expired"));
    }
    this.relists += 1;
    const { entries, resourceVersion } = store.list("pods");
    this.known.clear();
    for (const { key, json } of entries.map((entry) => ({ key: entry.key, json: shown(entry) })))
      this.known.set(key.name, json);
    this.#resourceVersion = resourceVersion;
    store.watch("pods", resourceVersion, listener, this.#stop.signal);
  }

  #hear({ type, entry }: StoreEvent): void {
    this.#resourceVersion = entry.resourceVersion;
    if (type === "DELETED") this.known.delete(entry.key.name);
    else this.known.set(entry.key.name, shown(entry));
  }
}

/** An object without its version, which each replica numbers for itself. */
function shown(entry: { readonly object: { readonly metadata: object } }): string {
  return JSON.stringify({ ...entry.object, metadata: { ...entry.object.metadata, resourceVersion: "" } });
}

async function act(replicas: Replicas, random: Random, step: number): Promise<void> {
  const pick = (count: number): number => Math.floor(random.next() * count);
  const { store, clock } = replicas.all[pick(replicas.all.length)] as (typeof replicas.all)[number];
  const name = `pod-${pick(4)}`;
  // No two writes say the same, or neither would be missed.
  const [key, value] = [podKey(name), step];
  const bound = { spec: { value, ...(random.next() < 0.3 ? { nodeName: `node-${pick(3)}` } : {}) } };
  const actions: readonly (() => Promise<unknown>)[] = [
    () => store.create(key, pod(name, { spec: { value } })),
    () => store.create(key, pod(name, { spec: { value } }), { cause: ["owner", String(pick(2))] }),
    () => store.update(key, pod(name, bound), { register: "main" }),
    () => store.update(key, pod(name, { status: { value } }), { register: "status" }),
    () => store.delete(key),
    () => replicas.deliver(),
    async () => replicas.advance(pick(3)),
    async () => replicas.part([pick(2), pick(2), pick(2)]),
    async () => {
      clock.skew = pick(100_000) - 50_000;
    },
  ];
  try {
    await actions[pick(actions.length)]?.();
  } catch (error) {
    const expected = (["AlreadyExists", "NotFound", "Conflict"] as const).some((reason) => isReason(error, reason));
    assert.ok(expected, error as Error);
  }
}

async function run(seed: number, { steps = 150 } = {}): Promise<ReturnType<Causality["judge"]>> {
  const random = seededRandom(seed);
  const replicas = new Replicas(random);
  const stores = replicas.all.map(({ store }) => store);
  const still = stores.map((_, index) => {
    const informer = new Informer(stores);
    informer.moveTo(index);
    return informer;
  });
  const moving = new Informer(stores);
  moving.moveTo(0);
  for (let step = 0; step < steps; step += 1) {
    await act(replicas, random, step);
    if (random.next() < 0.1) moving.moveTo(Math.floor(random.next() * stores.length));
  }
  await replicas.repair();
  const [first, ...others] = stores.map((store) => ({
    digest: digestOf(store),
    objects: new Map(store.list("pods").entries.map((entry) => [entry.key.name, shown(entry)])),
  }));
  for (const other of others) assert.deepEqual(other, first);
  for (const informer of [...still, moving]) assert.deepEqual(informer.known, first?.objects);
  assert.ok(still.every(({ relists }) => relists === 1));
  return replicas.causality.judge((stores[0] as ObjectStore).states());
}

test("three replicas converge, no watcher misses anything, and what is discarded is told, and nothing else", async (t) => {
  const all = { writes: 0, reported: 0 };
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const { writes, reported } = await run(seed);
      all.writes += writes;
      all.reported += reported;
    }),
    { numRuns: 60 },
  );
  t.diagnostic(`${all.writes} writes, ${all.reported} of them discarded and told`);
  assert.ok(all.reported > 0);
});

test("two nodes that create from one cause make one object, which a late create does not unbind", async () => {
  const replicas = new Replicas(seededRandom(1), { loss: 1 });
  const [a, b] = replicas.all as [(typeof replicas.all)[number], (typeof replicas.all)[number]];
  const cause = { cause: ["owner", "slot-0"] };
  const first = await a.store.create(podKey("a"), pod("a"), cause);
  await a.store.update(podKey("a"), pod("a", { spec: { nodeName: "one" } }), { register: "main" });
  replicas.advance(5000);
  const second = await b.store.create(podKey("a"), pod("a"), cause);
  assert.equal(second.uid, first.uid);
  await replicas.repair();
  for (const { store } of replicas.all) assert.deepEqual(store.get(podKey("a"))?.object["spec"], { nodeName: "one" });
});

test("a stamp more than five minutes ahead is refused, until its time has come", async () => {
  const replicas = new Replicas(seededRandom(1), { loss: 1, count: 2 });
  const [a, b] = replicas.all as [(typeof replicas.all)[number], (typeof replicas.all)[number]];
  a.clock.skew = 10 * 60_000;
  await a.store.create(podKey("a"), pod("a"));
  assert.deepEqual(await b.store.apply([...a.store.states()]), { refused: [podKey("a")], over: [] });
  assert.equal(b.store.get(podKey("a")), undefined);
  b.clock.ms += 6 * 60_000;
  assert.deepEqual(await b.store.apply([...a.store.states()]), { refused: [], over: [] });
  assert.ok(b.store.get(podKey("a")));
});

test("a clock that jumps back or forward changes the order of nothing", async () => {
  const replicas = new Replicas(seededRandom(1), { count: 2, loss: 1 });
  const [a, b] = replicas.all as [(typeof replicas.all)[number], (typeof replicas.all)[number]];
  let last = BigInt((await a.store.create(podKey("a"), pod("a"))).resourceVersion);
  for (const [index, skew] of [-3_600_000, 0, 3_600_000, -86_400_000, 60_000].entries()) {
    a.clock.skew = skew;
    const entry = await a.store.update(podKey("a"), pod("a", { spec: { index } }), { register: "main" });
    assert.ok(BigInt(entry.resourceVersion) > last);
    last = BigInt(entry.resourceVersion);
    b.clock.ms = Math.max(b.clock.ms, a.clock.ms + 3_600_000);
    await b.store.apply([...a.store.states()]);
    assert.deepEqual(b.store.get(podKey("a"))?.object["spec"], { index });
  }
});
