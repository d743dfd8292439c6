import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewObject } from "../../src/api/objects.ts";
import { eventually } from "../poll.ts";
import { liveCluster, type LiveCluster } from "./live-cluster.ts";
import { BAD_IMAGE } from "./small-kubelet.ts";

function web(image: string, more: Partial<NewObject<"Deployment">["spec"]> = {}): NewObject<"Deployment"> {
  return {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "web", image, ports: [{ name: "http", containerPort: 80 }] }] },
      },
      ...more,
    },
  };
}

const images = (cluster: LiveCluster): string[] =>
  cluster
    .list("Pod")
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ spec }) => spec.containers[0]?.image ?? "")
    .toSorted();

async function rolledOut(cluster: LiveCluster, replicas = 3): Promise<void> {
  await eventually(
    () => {
      const { metadata, spec, status = {} } = cluster.get("Deployment", "web");
      assert.equal(spec.replicas, replicas);
      assert.equal(status.observedGeneration, metadata.generation);
      assert.equal(status.updatedReplicas ?? 0, replicas);
      assert.equal(status.replicas ?? 0, replicas);
      assert.equal(status.availableReplicas ?? 0, replicas);
      return true;
    },
    { what: "the rollout's end" },
  );
}

const condition = (cluster: LiveCluster, type: string) =>
  cluster.get("Deployment", "web").status?.conditions?.find((one) => one.type === type);

const setImage = (cluster: LiveCluster, image: string): Promise<void> =>
  cluster.change("Deployment", "web", ({ spec }) => {
    for (const container of spec.template.spec?.containers ?? []) container.image = image;
  });

test("a deployment gets its pods, a new image replaces them, an undo brings the first revision back", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("Deployment", web("localhost/web:1"));
  await rolledOut(cluster);
  assert.deepEqual(images(cluster), Array(3).fill("localhost/web:1"));
  await eventually(() => condition(cluster, "Progressing")?.reason === "NewReplicaSetAvailable");
  assert.equal(condition(cluster, "Available")?.status, "True");

  await setImage(cluster, "localhost/web:2");
  await rolledOut(cluster);
  await eventually(() => images(cluster).join() === Array(3).fill("localhost/web:2").join());
  const revision = (): string | undefined =>
    cluster.get("Deployment", "web").metadata.annotations?.["deployment.kubernetes.io/revision"];
  await eventually(() => revision() === "2");
  assert.equal(cluster.list("ReplicaSet").length, 2);

  // What `kubectl rollout undo` does: the old set's template becomes the deployment's.
  await setImage(cluster, "localhost/web:1");
  await rolledOut(cluster);
  await eventually(() => revision() === "3");
  const sets = cluster.list("ReplicaSet");
  assert.equal(sets.length, 2);
  const current = sets.find(({ spec }) => spec.replicas === 3);
  assert.equal(current?.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
  await cluster.settled();
  assert.deepEqual(cluster.warnings, []);
});

test("a rollout to an image that never becomes ready keeps the old pods and says so after the deadline", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create(
    "Deployment",
    web("localhost/web:1", { progressDeadlineSeconds: 2, minReadySeconds: 0 }),
  );
  await rolledOut(cluster);
  await setImage(cluster, BAD_IMAGE);
  await eventually(() => condition(cluster, "Progressing")?.reason === "ProgressDeadlineExceeded");
  assert.equal(condition(cluster, "Progressing")?.status, "False");
  assert.deepEqual(images(cluster), [BAD_IMAGE, ...Array<string>(3).fill("localhost/web:1")]);
  await setImage(cluster, "localhost/web:1");
  await rolledOut(cluster);
  await eventually(() => images(cluster).join() === Array(3).fill("localhost/web:1").join());
});

test("a rollout never has fewer ready pods, nor more pods, than its strategy allows", async (t) => {
  const cluster = await liveCluster(t);
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await cluster.objects.create("Deployment", web("localhost/web:1", { replicas: 5, strategy: strategy as never }));
  await rolledOut(cluster, 5);
  let least = Infinity;
  let most = 0;
  const stop = new AbortController();
  cluster.objects.watch(
    "Pod",
    () => {
      const alive = cluster.list("Pod").filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      const ready = alive.filter(({ status }) =>
        status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"),
      );
      least = Math.min(least, ready.length);
      most = Math.max(most, alive.length);
    },
    stop.signal,
  );
  await setImage(cluster, "localhost/web:2");
  await rolledOut(cluster, 5);
  stop.abort();
  assert.equal(least, 5);
  assert.equal(most, 6);
});

test("scaling, pausing and recreating do what they say", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("Deployment", web("localhost/web:1", { strategy: { type: "Recreate" } }));
  await rolledOut(cluster);
  await cluster.change("Deployment", "web", ({ spec }) => void (spec.replicas = 7));
  await rolledOut(cluster, 7);
  await cluster.change("Deployment", "web", ({ spec }) => void (spec.replicas = 2));
  await rolledOut(cluster, 2);
  await cluster.change("Deployment", "web", ({ spec }) => void (spec.paused = true));
  await eventually(() => condition(cluster, "Progressing")?.reason === "DeploymentPaused");
  await setImage(cluster, "localhost/web:2");
  await cluster.settled();
  assert.deepEqual(images(cluster), ["localhost/web:1", "localhost/web:1"]);
  await cluster.change("Deployment", "web", ({ spec }) => void delete spec.paused);
  await rolledOut(cluster, 2);
  await eventually(() => images(cluster).join() === "localhost/web:2,localhost/web:2");
});

test("a pod that is deleted, or taken out of its set by a label, is replaced", async (t) => {
  const cluster = await liveCluster(t);
  await cluster.objects.create("Deployment", web("localhost/web:1"));
  await rolledOut(cluster);
  const [first, second] = cluster.list("Pod");
  await cluster.objects.delete("Pod", { namespace: "default", name: first?.metadata.name ?? "" });
  await cluster.change("Pod", second?.metadata.name ?? "", ({ metadata }) => void (metadata.labels = { app: "mine" }));
  await eventually(() => {
    const pods = cluster.list("Pod");
    assert.equal(pods.length, 4);
    assert.equal(
      pods.some(({ metadata }) => metadata.uid === first?.metadata.uid),
      false,
    );
    const stray = pods.find(({ metadata }) => metadata.uid === second?.metadata.uid);
    assert.equal(stray?.metadata.ownerReferences, undefined);
    return true;
  });
});
