import type { PodTemplateSpec } from "../../api/kinds.ts";
import type { NewObject } from "../../api/objects.ts";
import { create, type Write } from "../controller.ts";
import { controllerReference } from "../ownership.ts";
import {
  bounds,
  byAge,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  newSetReplicas,
  REVISION,
  REVISION_HISTORY,
  revisionOf,
  wantedReplicas,
  type Deployment,
  type ReplicaSet,
} from "./rollout-numbers.ts";
import { revisionHash, sameTemplate, TEMPLATE_HASH } from "./template-hash.ts";

/** Annotations of a deployment that its sets do not take over. */
const OWN = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
]);

/** The set of the present template: the oldest with that template, should there be several. */
export function findNewSet(deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return sets.toSorted(byAge).find(({ spec }) => sameTemplate(spec.template, deployment.spec.template));
}

/** One more than the highest revision among the old sets: an old template that comes back gets a new number. */
export function nextRevision(old: readonly ReplicaSet[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

type Annotations = Readonly<Record<string, string>>;

/** The annotations that the new set should have, with its revision, and the revisions that it had before. */
export function newSetAnnotations(deployment: Deployment, set: ReplicaSet | undefined, revision: number): Annotations {
  const present: Annotations = set?.metadata.annotations ?? {};
  const taken = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => !OWN.has(name));
  const next: Record<string, string> = { ...present, ...Object.fromEntries(taken) };
  const before = present[REVISION];
  if (before !== undefined && Number(before) >= revision) return next;
  next[REVISION] = String(revision);
  if (before !== undefined) {
    const history = (present[REVISION_HISTORY] ?? "").split(",").filter(Boolean);
    next[REVISION_HISTORY] = [...history, before].join(",");
  }
  return next;
}

export function replicasAnnotations(deployment: Deployment): Annotations {
  const wanted = wantedReplicas(deployment);
  return {
    [DESIRED_REPLICAS]: String(wanted),
    [MAX_REPLICAS]: String(wanted + bounds(deployment).maxSurge),
  };
}

/** Makes the set of the present template. */
export function createNewSet(
  deployment: Deployment,
  old: readonly ReplicaSet[],
): { readonly write: Write; readonly name: string; readonly replicas: number } {
  const hash = revisionHash(deployment.spec.template, deployment.status?.collisionCount ?? 0);
  const { template, selector, minReadySeconds } = deployment.spec;
  const labels = { ...template.metadata?.labels, [TEMPLATE_HASH]: hash };
  const name = `${deployment.metadata.name}-${hash}`;
  const replicas = newSetReplicas(deployment, { all: old, current: 0 });
  const object: NewObject<"ReplicaSet"> = {
    metadata: {
      name,
      ...(deployment.metadata.namespace !== undefined ? { namespace: deployment.metadata.namespace } : {}),
      labels,
      annotations: {
        ...newSetAnnotations(deployment, undefined, nextRevision(old)),
        ...replicasAnnotations(deployment),
      },
      ownerReferences: [controllerReference("Deployment", "apps/v1", deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds !== undefined ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [TEMPLATE_HASH]: hash } },
      template: labelled(template, labels),
    },
  };
  const cause = [deployment.metadata.uid, hash];
  return { write: create("ReplicaSet", object, cause), name, replicas };
}

function labelled(template: PodTemplateSpec, labels: Record<string, string>): PodTemplateSpec {
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Old, empty, settled sets beyond the limit, those with the lowest revisions first. */
export function surplusSets(deployment: Deployment, old: readonly ReplicaSet[]): ReplicaSet[] {
  const limit = deployment.spec.revisionHistoryLimit ?? 10;
  const kept = old.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return kept
    .toSorted((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b))
    .slice(0, Math.max(0, kept.length - limit))
    .filter(
      ({ spec, status, metadata }) =>
        spec.replicas === 0 &&
        (status?.replicas ?? 0) === 0 &&
        (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0),
    );
}
