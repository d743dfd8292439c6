import assert from "node:assert/strict";
import { test } from "node:test";
import type { Objects } from "../../api/objects.ts";
import { openRegistry } from "../../apiserver/open-registry.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLogger } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { systemRandom } from "../../lib/random.ts";
import type { ObjectStore } from "../../store/object-store.ts";
import { openMemoryStore } from "../../store/open-memory-store.ts";
import { recordDiscarded } from "./record-discarded.ts";
import { eventually } from "../../../test/poll.ts";

interface Node {
  readonly store: ObjectStore;
  readonly objects: Objects;
  readonly metrics: Metrics;
}

async function node(replica: string, signal: AbortSignal): Promise<Node> {
  const store = openMemoryStore({ replica });
  const [clock, metrics, logger] = [systemClock, new Metrics(), silentLogger];
  const { objects } = openRegistry({ store, clock, random: systemRandom });
  void recordDiscarded({ store, objects, metrics, clock, logger }, signal);
  return { store, objects, metrics };
}

test("a change that a merge discards is one Event on its object, on every node", async (t) => {
  const stop = new AbortController();
  t.after(() => stop.abort());
  const [one, two] = [await node("n1", stop.signal), await node("n2", stop.signal)];
  await one.objects.create("Namespace", { metadata: { name: "default" } });
  const made = await one.objects.create("ConfigMap", {
    metadata: { name: "a", namespace: "default" },
    data: { x: "0" },
  });
  await two.store.apply([...one.store.states()]);
  const seen = two.objects.get("ConfigMap", { namespace: "default", name: "a" });
  assert.ok(seen);
  await one.objects.update("ConfigMap", { ...made, data: { x: "1" } });
  await systemClock.sleep(2, stop.signal);
  await two.objects.update("ConfigMap", { ...seen, data: { x: "2" } });
  await two.objects.create("ConfigMap", { metadata: { name: "b", namespace: "default" } });
  const [ofOne, ofTwo] = [[...one.store.states()], [...two.store.states()]];
  await Promise.all([one.store.apply(ofTwo), two.store.apply(ofOne)]);
  for (const { objects } of [one, two]) {
    await eventually(() => objects.list("Event").length === 1, { what: "the Event" });
    assert.deepEqual(objects.get("ConfigMap", { namespace: "default", name: "a" })?.data, { x: "2" });
  }
  const [event] = one.objects.list("Event");
  assert.equal(event?.reason, "ChangeDiscarded");
  assert.deepEqual(event.involvedObject, {
    kind: "ConfigMap",
    apiVersion: "v1",
    namespace: "default",
    name: "a",
    uid: made.metadata?.uid,
  });
  assert.match(
    event.message ?? "",
    /^A change through the node n1 at \S+Z was discarded: another one through the node n2 at \S+Z was made without knowing of it, and is kept/,
  );
  await one.store.apply([...two.store.states()]);
  assert.equal(one.objects.list("Event").length, 1);
  assert.match(one.metrics.text(), /podman_swarm_store_discarded_total\{resource="configmaps"\} 1/);
});
