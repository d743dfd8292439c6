import type { KindDeclaration } from "../../api/kind.ts";
import type { KubeObject, Pod } from "../../api/kinds.ts";
import type { Ref } from "../../api/objects.ts";
import { type Clock, timestamp } from "../../lib/clock.ts";
import type { Entry } from "../../store/port.ts";
import type { WriteContext } from "../admission/admission.ts";
import { conflict } from "../objects/object-errors.ts";
import type { Registry } from "../registry.ts";

export interface PodBinding {
  readonly pod: Ref;
  readonly nodeName: string;
  /** Merged into the pod's own. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface PodBindingDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  /** The declaration of Pod. */
  readonly pods: KindDeclaration;
}

/** Gives a pod its node, once. Conflict where it has one or is on its way out. */
export async function bindPod(deps: PodBindingDeps, binding: PodBinding, context: WriteContext = {}): Promise<Entry> {
  const { registry, pods, clock } = deps;
  const { pod: ref, nodeName, annotations } = binding;
  const assign = (current: KubeObject): KubeObject => {
    const pod = structuredClone(current) as unknown as Pod;
    refuseUnbindable(pods, pod, ref);
    pod.spec = { ...pod.spec, nodeName } as NonNullable<Pod["spec"]>;
    if (annotations && pod.metadata) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
    return pod as unknown as KubeObject;
  };
  const bound = await registry.update(pods, ref, assign, { ...context, scope: "unchecked" });
  if (context.dryRun === true) return bound;
  const uid = bound.uid;
  return registry.update(pods, { ...ref, uid }, (current) => scheduled(current, timestamp(clock.now())), {
    scope: "status",
  });
}

function refuseUnbindable(pods: KindDeclaration, pod: Pod, ref: Ref): void {
  const { name } = ref;
  if (ref.uid !== undefined && pod.metadata?.uid !== ref.uid) {
    const both = `UID in precondition: ${ref.uid}, UID in object meta: ${pod.metadata?.uid}`;
    throw conflict(pods, name, `Precondition failed: ${both}`);
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    throw conflict(pods, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec?.nodeName) {
    throw conflict(pods, name, `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  }
}

function scheduled(current: KubeObject, at: string): KubeObject {
  const pod = current as unknown as Pod;
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const condition = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: at };
  return { ...current, status: { ...pod.status, conditions: [...others, condition] } };
}
