import { isDeepStrictEqual } from "node:util";
import type { KindName, Kinds } from "../../api/kinds.ts";
import type { Stored } from "../../api/stored.ts";
import { withCondition } from "../conditions.ts";
import { refOf, remove, status, update, type Plan, type Write } from "../controller.ts";

/** The finalizer in a Namespace's spec (upstream `v1.FinalizerKubernetes`). */
const FINALIZER = "kubernetes";

/** Kinds that make pods: they go together with their pods, and before what pods may still read while they end. */
const WORKLOADS: ReadonlySet<KindName> = new Set<KindName>([
  "Pod",
  "Deployment",
  "ReplicaSet",
  "ReplicationController",
  "StatefulSet",
  "DaemonSet",
  "Job",
  "CronJob",
]);

/** How often to look at what remains. Deletions wake the controller too; this is for what has finalizers. */
const AGAIN_MS = 2000;

export interface Content {
  readonly kind: KindName;
  readonly plural: string;
  readonly objects: readonly Stored<KindName>[];
}

export interface NamespaceSnapshot {
  readonly namespace: Stored<"Namespace">;
  /** What is in it; kinds without any left out. */
  readonly content: readonly Content[];
  readonly now: number;
}

/** The next step of deleting a namespace: first its content, then its finalizer. Pure. */
export function decideNamespace({ namespace, content, now }: NamespaceSnapshot): Plan {
  if (namespace.metadata.deletionTimestamp === undefined) return { stages: [] };
  const next = { ...namespace, status: terminating(namespace, { content, now }) };
  const writes = isDeepStrictEqual(next.status, namespace.status) ? [] : [status("Namespace", next)];
  if (content.length === 0) return { stages: [writes, finalized(namespace)] };
  const pods = content.some(({ kind }) => kind === "Pod");
  const deletions = content
    .filter(({ kind }) => !pods || WORKLOADS.has(kind))
    .flatMap(({ kind, objects }) =>
      objects
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map((object) => remove(kind, refOf(object as Kinds[KindName]), { propagationPolicy: "Background" })),
    );
  return { stages: [writes, deletions], againMs: AGAIN_MS };
}

function finalized(namespace: Stored<"Namespace">): Write[] {
  const finalizers = namespace.spec.finalizers ?? [];
  if (!finalizers.includes(FINALIZER)) return [];
  const rest = finalizers.filter((name) => name !== FINALIZER);
  return [update("Namespace", { ...namespace, spec: { ...namespace.spec, finalizers: rest } })];
}

type NamespaceStatus = NonNullable<Kinds["Namespace"]["status"]>;

/** The conditions by which `kubectl describe` shows what a namespace waits for; reasons and texts as upstream's. */
function terminating(
  namespace: Stored<"Namespace">,
  { content, now }: { readonly content: readonly Content[]; readonly now: number },
): NamespaceStatus {
  const remaining = content.map(({ plural, objects }) => `${plural} has ${objects.length} resource instances`);
  const held = new Map<string, number>();
  for (const { metadata } of content.flatMap(({ objects }) => objects)) {
    for (const finalizer of metadata.finalizers ?? []) held.set(finalizer, (held.get(finalizer) ?? 0) + 1);
  }
  const finalizers = [...held].map(([name, count]) => `${name} in ${count} resource instances`);
  const wanted: [string, boolean, string, string][] = [
    ["NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered"],
    [
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      "ParsedGroupVersions",
      "All legacy kube types successfully parsed",
    ],
    [
      "NamespaceDeletionContentFailure",
      false,
      "ContentDeleted",
      "All content successfully deleted, may be waiting on finalization",
    ],
    remaining.length > 0
      ? [
          "NamespaceContentRemaining",
          true,
          "SomeResourcesRemain",
          `Some resources are remaining: ${remaining.join(", ")}`,
        ]
      : ["NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed"],
    finalizers.length > 0
      ? [
          "NamespaceFinalizersRemaining",
          true,
          "SomeFinalizersRemain",
          `Some content in the namespace has finalizers remaining: ${finalizers.join(", ")}`,
        ]
      : ["NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", "All content-preserving finalizers finished"],
  ];
  type Condition = NonNullable<NamespaceStatus["conditions"]>[number];
  const conditions = wanted.reduce<Condition[]>(
    (all, [type, is, reason, message]) =>
      withCondition<Condition>(all, { type, status: is ? "True" : "False", reason, message }, now),
    namespace.status?.conditions ?? [],
  );
  return { ...namespace.status, phase: "Terminating", conditions };
}
