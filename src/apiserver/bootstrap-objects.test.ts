import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../test/poll.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { systemRandom } from "../lib/random.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { ensureBootstrapObjects, keepBootstrapObjects } from "./bootstrap-objects.ts";
import { openRegistry } from "./open-registry.ts";

const options = (address: string) => ({
  serviceAddress: "10.43.0.1",
  endpoint: { address, port: 6443, nodeName: "node-1" },
});
const service = { namespace: "default", name: "kubernetes" };
const slice = { namespace: "default", name: "kubernetes-node-1" };

test("the first objects are made once, and follow a new address of the node", async () => {
  const { objects } = openRegistry({ store: openMemoryStore(), clock: systemClock, random: systemRandom });
  for (let round = 0; round < 2; round++) await ensureBootstrapObjects(objects, options("10.0.0.1"));
  const names = objects.list("Namespace").map(({ metadata }) => metadata?.name);
  assert.deepEqual(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
  const before = objects.get("Service", service);
  assert.equal(before?.spec?.clusterIP, "10.43.0.1");
  await ensureBootstrapObjects(objects, options("10.0.0.2"));
  assert.equal(objects.get("Service", service)?.metadata?.resourceVersion, before?.metadata?.resourceVersion);
  assert.deepEqual(objects.get("EndpointSlice", slice)?.endpoints?.[0]?.addresses, ["10.0.0.2"]);
});

test("the kubernetes service comes back when someone deletes it", async () => {
  const { objects } = openRegistry({ store: openMemoryStore(), clock: systemClock, random: systemRandom });
  await ensureBootstrapObjects(objects, options("10.0.0.1"));
  const stop = new AbortController();
  const keeping = keepBootstrapObjects({ objects, log: silentLogger }, options("10.0.0.1"), stop.signal);
  for (let round = 0; round < 2; round++) {
    await objects.delete("Service", service);
    await objects.delete("EndpointSlice", slice);
    await eventually(() => objects.get("Service", service) && objects.get("EndpointSlice", slice));
    assert.equal(objects.get("Service", service)?.spec?.clusterIP, "10.43.0.1");
  }
  stop.abort();
  await keeping;
});
