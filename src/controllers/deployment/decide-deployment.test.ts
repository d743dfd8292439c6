import assert from "node:assert/strict";
import { test } from "node:test";
import type { Write } from "../controller.ts";
import { decideDeployment, type DeploymentSnapshot } from "./decide-deployment.ts";
import { DESIRED_REPLICAS, MAX_REPLICAS, REVISION, type Deployment, type ReplicaSet } from "./rollout-numbers.ts";
import { TEMPLATE_HASH } from "./template-hash.ts";

const NOW = Date.parse("2026-01-01T00:10:00Z");

const template = (image: string) => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "web", image }] },
});

function deployment(image: string, more: object = {}): Deployment {
  const selector = { matchLabels: { app: "web" } };
  const metadata = { name: "web", namespace: "default", uid: "d", generation: 2, annotations: { [REVISION]: "1" } };
  const spec = { replicas: 4, selector, template: template(image), progressDeadlineSeconds: 600, ...more };
  return { metadata, spec } as Deployment;
}

interface SetState {
  readonly image: string;
  readonly replicas: number;
  readonly available?: number;
  readonly revision: number;
  readonly desired?: number;
}

function set({ image, replicas, available = replicas, revision, desired = 4 }: SetState): ReplicaSet {
  const labels = { app: "web", [TEMPLATE_HASH]: `h${revision}` };
  const owner = { apiVersion: "apps/v1", kind: "Deployment", name: "web", uid: "d", controller: true };
  const numbers = { [DESIRED_REPLICAS]: String(desired), [MAX_REPLICAS]: String(desired + 1) };
  return {
    metadata: {
      name: `web-${revision}`,
      namespace: "default",
      uid: `rs${revision}`,
      labels,
      annotations: { [REVISION]: String(revision), ...numbers },
      creationTimestamp: `2026-01-01T00:00:0${revision}Z`,
      ownerReferences: [owner],
    },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { ...template(image), metadata: { labels } },
    },
    status: { replicas, readyReplicas: available, availableReplicas: available },
  } as ReplicaSet;
}

function decide(given: Partial<DeploymentSnapshot> & Pick<DeploymentSnapshot, "deployment">) {
  return decideDeployment({ candidates: [], podsOf: () => [], now: NOW, ...given });
}

const sizes = (writes: readonly Write[]): Record<string, number | undefined> =>
  Object.fromEntries(
    writes.flatMap((write) => {
      if (write.kind !== "ReplicaSet" || write.verb === "delete") return [];
      const { spec, metadata } = write.object as ReplicaSet;
      return [[write.verb === "create" ? "new" : metadata.name, spec.replicas]];
    }),
  );

const steps: { what: string; spec?: object; sets: SetState[]; want: Record<string, number> }[] = [
  { what: "a first template makes a set of the full size", sets: [], want: { new: 4 } },
  {
    what: "a new template makes a set as large as the surge",
    sets: [{ image: "1", replicas: 4, revision: 1 }],
    want: { new: 1 },
  },
  {
    what: "nothing goes before the new pods are available, beyond what may be unavailable",
    sets: [
      { image: "1", replicas: 3, revision: 1 },
      { image: "2", replicas: 2, available: 0, revision: 2 },
    ],
    want: {},
  },
  {
    what: "available new pods make room among the old",
    sets: [
      { image: "1", replicas: 3, revision: 1 },
      { image: "2", replicas: 2, revision: 2 },
    ],
    want: { "web-1": 1 },
  },
  {
    what: "old pods that are not available go first, even of the newer old set",
    spec: { strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
    sets: [
      { image: "0", replicas: 3, revision: 1 },
      { image: "1", replicas: 1, available: 0, revision: 2 },
      { image: "2", replicas: 1, revision: 3 },
    ],
    want: { "web-2": 0 },
  },
  {
    what: "recreate takes all old pods away before it makes any",
    spec: { strategy: { type: "Recreate" } },
    sets: [{ image: "1", replicas: 4, revision: 1 }],
    want: { "web-1": 0 },
  },
  {
    what: "a paused deployment makes no set of a new template but is still scaled",
    spec: { paused: true, replicas: 6 },
    sets: [{ image: "1", replicas: 4, revision: 1 }],
    want: { "web-1": 6 },
  },
  {
    what: "a new size in the middle of a rollout is shared",
    spec: { replicas: 8 },
    sets: [
      { image: "1", replicas: 4, revision: 1 },
      { image: "2", replicas: 1, revision: 2 },
    ],
    want: { "web-1": 8, "web-2": 2 },
  },
];

for (const { what, spec, sets, want } of steps) {
  test(what, () => {
    const plan = decide({ deployment: deployment("2", spec), candidates: sets.map(set) });
    assert.deepEqual(sizes(plan.stages.flat()), want);
  });
}

test("an old template that comes back gets the next revision and remembers the one that it had", () => {
  const candidates = [set({ image: "1", replicas: 0, revision: 1 }), set({ image: "2", replicas: 4, revision: 2 })];
  const plan = decide({ deployment: deployment("1"), candidates });
  const write = plan.stages.flat().find(({ kind }) => kind === "ReplicaSet");
  const annotations = write?.verb === "update" ? write.object.metadata?.annotations : undefined;
  assert.equal(annotations?.[REVISION], "3");
  assert.equal(annotations?.["deployment.kubernetes.io/revision-history"], "1");
});

test("finished rollouts keep as many old sets as the limit says", () => {
  const done = deployment("9", { revisionHistoryLimit: 1 });
  const counts = { replicas: 4, updatedReplicas: 4, readyReplicas: 4, availableReplicas: 4, observedGeneration: 2 };
  done.status = counts;
  done.metadata.annotations = { [REVISION]: "3" };
  const candidates = [
    set({ image: "1", replicas: 0, revision: 1 }),
    set({ image: "2", replicas: 0, revision: 2 }),
    set({ image: "9", replicas: 4, revision: 3 }),
  ];
  const plan = decide({ deployment: done, candidates });
  const deleted = plan.stages.flat().flatMap((write) => (write.verb === "delete" ? [write.ref.name] : []));
  assert.deepEqual(deleted, ["web-1"]);
});

test("a set of the wanted name that is somebody else's counts as a collision", () => {
  const failure = { name: "web-x", message: "exists", collision: true };
  const plan = decide({ deployment: deployment("1"), failure });
  const write = plan.stages.flat().find(({ verb }) => verb === "status");
  assert.equal(write?.verb === "status" && (write.object as Deployment).status?.collisionCount, 1);
  assert.deepEqual(sizes(plan.stages.flat()), {});
});

test("a rollout that stands still past its deadline says so, in the words that kubectl reads", () => {
  const stuck = deployment("2");
  const times = { lastUpdateTime: "2026-01-01T00:00:00Z", lastTransitionTime: "2026-01-01T00:00:00Z" };
  stuck.status = {
    observedGeneration: 2,
    replicas: 5,
    updatedReplicas: 1,
    readyReplicas: 4,
    availableReplicas: 4,
    conditions: [{ type: "Progressing", status: "True", reason: "ReplicaSetUpdated", message: "", ...times }],
  };
  stuck.metadata.annotations = { [REVISION]: "2" };
  const candidates = [
    set({ image: "1", replicas: 4, revision: 1 }),
    set({ image: "2", replicas: 1, available: 0, revision: 2 }),
  ];
  const spec = (seconds: number) => ({ ...stuck, spec: { ...stuck.spec, progressDeadlineSeconds: seconds } });
  const early = decide({ deployment: spec(700), candidates });
  assert.equal(early.againMs, 101_000);
  const late = decide({ deployment: spec(599), candidates });
  const write = late.stages.flat().find(({ verb }) => verb === "status");
  const status = write?.verb === "status" ? (write.object as Deployment).status : undefined;
  const condition = status?.conditions?.find(({ type }) => type === "Progressing");
  assert.equal(condition?.reason, "ProgressDeadlineExceeded");
  assert.equal(condition?.message, 'ReplicaSet "web-2" has timed out progressing.');
});
