import { ApiError } from "../../api/api-error.ts";
import type { KindDeclaration } from "../../api/kind.ts";
import type { Pod, PriorityClass } from "../../api/kinds.ts";
import type { Store } from "../../store/port.ts";
import { forbidden, objectDetails } from "../objects/object-errors.ts";
import type { AdmissionRequest, AdmissionStep } from "./admission.ts";

/** Upstream's two built-in classes: they need no object. */
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

interface Resolved {
  readonly name?: string;
  readonly value: number;
  readonly policy: string;
}

/** Turns a pod's priority class into its number, and gives pods without one the global default. */
export class PodPriority implements AdmissionStep {
  readonly name = "Priority";
  readonly #store: Store;
  readonly #classes: KindDeclaration;

  constructor(deps: { readonly store: Store; readonly priorityClasses: KindDeclaration }) {
    this.#store = deps.store;
    this.#classes = deps.priorityClasses;
  }

  mutate({ kind, operation, object }: AdmissionRequest): undefined {
    if (kind.kind !== "Pod" || operation !== "create") return;
    const pod = object as unknown as Pod;
    if (!pod.spec) return;
    const asked = pod.spec.priorityClassName;
    const { name, value, policy } = asked ? this.#named(kind, pod, asked) : this.#default();
    if (pod.spec.priority !== undefined && pod.spec.priority !== value) {
      const why = `the integer value of priority (${pod.spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`;
      throw new ApiError(
        "Forbidden",
        forbidden(kind, pod.metadata?.name ?? "", why).message,
        objectDetails(kind, pod.metadata?.name ?? ""),
      );
    }
    if (name !== undefined) pod.spec.priorityClassName = name;
    pod.spec.priority = value;
    pod.spec.preemptionPolicy ??= policy;
  }

  #named(kind: KindDeclaration, pod: Pod, name: string): Resolved {
    const value = SYSTEM_CLASSES[name];
    if (value !== undefined) return { name, value, policy: PREEMPT };
    const key = { resource: this.#classes.resource, namespace: "", name };
    const found = this.#store.get(key)?.object as unknown as PriorityClass | undefined;
    if (found) return { name, value: found.value ?? 0, policy: found.preemptionPolicy ?? PREEMPT };
    throw forbidden(kind, pod.metadata?.name ?? "", `no PriorityClass with name ${name} was found`);
  }

  #default(): Resolved {
    const classes = this.#store
      .list(this.#classes.resource)
      .entries.map(({ object }) => object as unknown as PriorityClass);
    const globals = classes.filter(({ globalDefault }) => globalDefault === true);
    // Of several global defaults upstream takes the lowest.
    const lowest = globals.toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
    if (!lowest) return { value: 0, policy: PREEMPT };
    return { name: lowest.metadata?.name ?? "", value: lowest.value ?? 0, policy: lowest.preemptionPolicy ?? PREEMPT };
  }
}

const PREEMPT = "PreemptLowerPriority";
