import assert from "node:assert/strict";
import { test } from "node:test";
import { isReason, type StatusReason } from "../api/api-error.ts";
import { declarationOf } from "../api/catalog.ts";
import type { Pod } from "../api/kinds.ts";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/random.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { openRegistry } from "./open-registry.ts";

async function setUp(random = systemRandom) {
  const store = openMemoryStore();
  const { registry, objects } = openRegistry({ store, clock: systemClock, random });
  await objects.create("Namespace", { metadata: { name: "default" } });
  return { store, registry, objects };
}

function podSpec(): NonNullable<Pod["spec"]> {
  return { containers: [{ name: "main", image: "localhost/busybox:1" }] };
}

function deploymentSpec(replicas = 1) {
  const labels = { app: "web" };
  return { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec() } };
}

const named = (name: string) => ({ namespace: "default", name });
const fails = (reason: StatusReason, message?: RegExp) => (error: unknown) =>
  isReason(error, reason) && (message === undefined || message.test(error.message));

test("a created object has uid, time and version, and no status that the client made up", async () => {
  const { objects } = await setUp();
  const pod = await objects.create("Pod", {
    metadata: { ...named("a"), uid: "mine", generation: 7 },
    spec: podSpec(),
    status: { phase: "Running" },
  });
  assert.match(pod.metadata?.uid ?? "", /^[0-9a-f-]{36}$/);
  assert.match(pod.metadata?.creationTimestamp as unknown as string, /^\d{4}-.*Z$/);
  assert.match(pod.metadata?.resourceVersion ?? "", /^\d+$/);
  assert.notEqual(pod.status?.phase, "Running");
  assert.deepEqual(objects.get("Pod", named("a")), pod);
});

test("refusals of a create name their reason as upstream does", async () => {
  const { objects } = await setUp();
  await objects.create("ConfigMap", { metadata: named("a") });
  const again = objects.create("ConfigMap", { metadata: named("a") });
  await assert.rejects(again, fails("AlreadyExists", /^configmaps "a" already exists$/));
  const nowhere = objects.create("ConfigMap", { metadata: { namespace: "no", name: "a" } });
  await assert.rejects(nowhere, fails("NotFound", /^namespaces "no" not found$/));
  const nameless = objects.create("ConfigMap", { metadata: { namespace: "default" } });
  await assert.rejects(nameless, fails("Invalid", /metadata.name: Required value: name or generateName is required/));
  const misnamed = objects.create("ConfigMap", { metadata: named("A_b") });
  await assert.rejects(misnamed, fails("Invalid", /^ConfigMap "A_b" is invalid: metadata.name: Invalid value/));
});

test("a pod runs as a service account that exists, or as the default one", async () => {
  const { objects } = await setUp();
  const as = (name: string, account: object) =>
    objects.create("Pod", { metadata: named(name), spec: { ...podSpec(), ...account } });
  assert.equal((await as("a", {})).spec?.serviceAccountName, "default");
  const why =
    /^pods "b" is forbidden: error looking up service account default\/robot: serviceaccount "robot" not found$/;
  await assert.rejects(as("b", { serviceAccountName: "robot" }), fails("Forbidden", why));
  await assert.rejects(as("b", { serviceAccount: "robot" }), fails("Forbidden", why));
  await objects.create("ServiceAccount", { metadata: named("robot") });
  assert.equal((await as("b", { serviceAccountName: "robot" })).spec?.serviceAccount, "robot");
});

test("a generated name that is taken is made anew", async () => {
  const zeros = Array.from({ length: 10 }, () => 0);
  const { objects } = await setUp({ next: () => zeros.shift() ?? 0.9, uuid: () => systemRandom.uuid() });
  const metadata = { namespace: "default", generateName: "job-" };
  const first = await objects.create("ConfigMap", { metadata });
  const second = await objects.create("ConfigMap", { metadata });
  assert.deepEqual([first.metadata?.name, second.metadata?.name], ["job-bbbbb", "job-77777"]);
});

test("two creates with one cause make one object", async () => {
  const { objects } = await setUp();
  const cause = ["replicaset-uid", "slot-1"];
  const metadata = { namespace: "default", generateName: "web-" };
  const [first, second] = await Promise.all([
    objects.create("ConfigMap", { metadata }, { cause }),
    objects.create("ConfigMap", { metadata }, { cause }),
  ]);
  assert.equal(first.metadata?.uid, second.metadata?.uid);
  assert.equal(objects.list("ConfigMap").length, 1);
});

test("an update against an old version conflicts; one without a version is tried again", async () => {
  const { objects, registry } = await setUp();
  const old = await objects.create("ConfigMap", { metadata: named("a"), data: { n: "0" } });
  await objects.update("ConfigMap", { ...old, data: { n: "1" } });
  const stale = objects.update("ConfigMap", { ...old, data: { n: "2" } });
  await assert.rejects(
    stale,
    fails("Conflict", /^Operation cannot be fulfilled on configmaps "a": the object has been modified/),
  );
  const kind = declarationOf("ConfigMap");
  const bump = (by: string) =>
    registry.update(kind, named("a"), (current) => {
      const { resourceVersion: _any, ...metadata } = current.metadata;
      const data = { ...(current["data"] as object), [by]: "x" };
      return { ...current, metadata, data };
    });
  await Promise.all(["a", "b", "c", "d", "e"].map(bump));
  assert.deepEqual(Object.keys(objects.get("ConfigMap", named("a"))?.data ?? {}).toSorted(), [
    "a",
    "b",
    "c",
    "d",
    "e",
    "n",
  ]);
});

test("an update of an object with another uid conflicts", async () => {
  const { objects } = await setUp();
  const first = await objects.create("ConfigMap", { metadata: named("a") });
  await objects.delete("ConfigMap", named("a"));
  await objects.create("ConfigMap", { metadata: named("a") });
  const { resourceVersion: _any, ...metadata } = first.metadata ?? {};
  await assert.rejects(objects.update("ConfigMap", { ...first, metadata }), fails("Conflict", /UID in precondition/));
  assert.equal(objects.get("ConfigMap", { ...named("a"), uid: first.metadata?.uid }), undefined);
});

test("generation counts changes of the spec only, and an update that changes nothing writes nothing", async () => {
  const { objects } = await setUp();
  const made = await objects.create("Deployment", { metadata: named("web"), spec: deploymentSpec() });
  assert.equal(made.metadata?.generation, 1);
  const labelled = await objects.update("Deployment", { ...made, metadata: { ...made.metadata, labels: { a: "b" } } });
  assert.equal(labelled.metadata?.generation, 1);
  const same = await objects.update("Deployment", labelled);
  assert.equal(same.metadata?.resourceVersion, labelled.metadata?.resourceVersion);
  const scaled = await objects.update("Deployment", { ...same, spec: deploymentSpec(3) });
  assert.equal(scaled.metadata?.generation, 2);
});

test("status and the rest are written apart", async () => {
  const { objects } = await setUp();
  const made = await objects.create("Deployment", { metadata: named("web"), spec: deploymentSpec() });
  const reported = await objects.updateStatus("Deployment", {
    ...made,
    spec: deploymentSpec(9),
    status: { replicas: 1 },
  });
  assert.equal(reported.spec?.replicas, 1);
  assert.equal(reported.status?.replicas, 1);
  const { resourceVersion: _any, ...metadata } = made.metadata ?? {};
  const changed = await objects.update("Deployment", {
    ...made,
    metadata,
    spec: deploymentSpec(2),
    status: { replicas: 5 },
  });
  assert.equal(changed.spec?.replicas, 2);
  assert.equal(changed.status?.replicas, 1);
});

test("a bound pod is deleted gracefully, an unbound one at once", async () => {
  const { objects } = await setUp();
  await objects.create("Pod", { metadata: named("free"), spec: podSpec() });
  await objects.delete("Pod", named("free"));
  assert.equal(objects.get("Pod", named("free")), undefined);

  await objects.create("Pod", { metadata: named("bound"), spec: podSpec() });
  await objects.bind(named("bound"), "node-1");
  await objects.delete("Pod", named("bound"), { gracePeriodSeconds: 7 });
  const leaving = objects.get("Pod", named("bound"));
  assert.equal(leaving?.metadata?.deletionGracePeriodSeconds, 7);
  assert.notEqual(leaving?.metadata?.deletionTimestamp, undefined);
  await objects.delete("Pod", named("bound"), { gracePeriodSeconds: 0 });
  assert.equal(objects.get("Pod", named("bound")), undefined);
});

test("a second delete can shorten a pod's grace and not lengthen it", async () => {
  const { objects } = await setUp();
  await objects.create("Pod", { metadata: { ...named("a"), finalizers: ["example.com/hold"] }, spec: podSpec() });
  await objects.bind(named("a"), "node-1");
  const grace = async (seconds: number): Promise<number | undefined> => {
    await objects.delete("Pod", named("a"), { gracePeriodSeconds: seconds });
    return objects.get("Pod", named("a"))?.metadata?.deletionGracePeriodSeconds;
  };
  assert.deepEqual([await grace(30), await grace(60), await grace(5), await grace(0)], [30, 30, 5, 0]);
  const held = objects.get("Pod", named("a"));
  assert.ok(held?.metadata);
  const { finalizers: _gone, ...metadata } = held.metadata;
  await objects.update("Pod", { ...held, metadata });
  assert.equal(objects.get("Pod", named("a")), undefined);
});

test("a pod is bound once, and says so", async () => {
  const { objects } = await setUp();
  await objects.create("Pod", { metadata: named("a"), spec: podSpec() });
  await objects.bind(named("a"), "node-1");
  const pod = objects.get("Pod", named("a"));
  assert.equal(pod?.spec?.nodeName, "node-1");
  assert.equal(pod?.status?.conditions?.find(({ type }) => type === "PodScheduled")?.status, "True");
  await assert.rejects(objects.bind(named("a"), "node-2"), fails("Conflict", /already assigned to node "node-1"/));
});

test("finalizers hold a deleted object until they are gone", async () => {
  const { objects } = await setUp();
  const held = await objects.create("ConfigMap", { metadata: { ...named("a"), finalizers: ["example.com/hold"] } });
  await objects.delete("ConfigMap", named("a"));
  const waiting = objects.get("ConfigMap", named("a"));
  assert.notEqual(waiting?.metadata?.deletionTimestamp, undefined);
  const { finalizers: _gone, ...metadata } = waiting?.metadata ?? {};
  await objects.update("ConfigMap", { ...held, metadata });
  assert.equal(objects.get("ConfigMap", named("a")), undefined);
});

const propagation = [
  { policy: "Foreground", finalizer: "foregroundDeletion" },
  { policy: "Orphan", finalizer: "orphan" },
] as const;
for (const { policy, finalizer } of propagation) {
  test(`a delete with ${policy} leaves the object to the garbage collector`, async () => {
    const { objects } = await setUp();
    await objects.create("ConfigMap", { metadata: named("a") });
    await objects.delete("ConfigMap", named("a"), { propagationPolicy: policy });
    assert.deepEqual(objects.get("ConfigMap", named("a"))?.metadata?.finalizers, [finalizer]);
  });
}

test("a terminating namespace takes nothing new, and goes when its finalizer does", async () => {
  const { objects } = await setUp();
  await objects.create("Namespace", { metadata: { name: "team" } });
  const finalizers = objects.get("Namespace", { name: "team" })?.spec?.finalizers;
  assert.deepEqual(finalizers, ["kubernetes"]);
  await objects.delete("Namespace", { name: "team" });
  const leaving = objects.get("Namespace", { name: "team" });
  assert.equal(leaving?.status?.phase, "Terminating");
  const late = objects.create("ConfigMap", { metadata: { namespace: "team", name: "a" } });
  await assert.rejects(
    late,
    fails("Forbidden", /configmaps "a" is forbidden: unable to create new content in namespace team/),
  );
  assert.ok(leaving);
  await objects.update("Namespace", { ...leaving, spec: {} });
  assert.equal(objects.get("Namespace", { name: "team" }), undefined);
  await assert.rejects(objects.delete("Namespace", { name: "default" }), fails("Forbidden", /may not be deleted/));
});

test("a dry run does everything but the write", async () => {
  const { objects, registry } = await setUp();
  const kind = declarationOf("Service");
  const object = () => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: named("web"),
    spec: { ports: [{ port: 80 }], selector: { app: "web" } },
  });
  const entry = await registry.create(kind, object(), { dryRun: true });
  assert.match((entry.object["spec"] as { clusterIP: string }).clusterIP, /^10\.43\./);
  assert.equal(objects.get("Service", named("web")), undefined);
  await registry.create(kind, object());
  await registry.delete(kind, named("web"), { dryRun: true });
  assert.ok(objects.get("Service", named("web")));
});

test("a watch begins with what exists and goes on in order until it is aborted", async () => {
  const { objects } = await setUp();
  await objects.create("ConfigMap", { metadata: named("a") });
  const seen: string[] = [];
  const stop = new AbortController();
  objects.watch("ConfigMap", ({ type, object }) => seen.push(`${type} ${object.metadata?.name}`), stop.signal);
  assert.deepEqual(seen, ["ADDED a"]);
  const made = await objects.create("ConfigMap", { metadata: named("b") });
  await objects.update("ConfigMap", { ...made, data: { x: "y" } });
  await objects.delete("ConfigMap", named("a"));
  stop.abort();
  await objects.delete("ConfigMap", named("b"));
  assert.deepEqual(seen, ["ADDED a", "ADDED b", "MODIFIED b", "DELETED a"]);
});

test("a pod's generation counts changes of its spec, but not its binding", async () => {
  const { objects } = await setUp();
  const generation = (): number | undefined => objects.get("Pod", named("a"))?.metadata?.generation;
  await objects.create("Pod", { metadata: named("a"), spec: podSpec() });
  await objects.bind(named("a"), "node1");
  assert.equal(generation(), 1);
  const pod = structuredClone(objects.get("Pod", named("a"))) as Pod;
  await objects.update("Pod", { ...pod, metadata: { ...pod.metadata, labels: { a: "b" } } } as never);
  assert.equal(generation(), 1);
  const next = structuredClone(objects.get("Pod", named("a"))) as Pod;
  const [container] = next.spec?.containers ?? [];
  if (container) container.image = "localhost/busybox:2";
  await objects.update("Pod", next);
  assert.equal(generation(), 2);
});
