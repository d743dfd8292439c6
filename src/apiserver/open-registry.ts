import { declarationOf } from "../api/catalog.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Store } from "../store/port.ts";
import { Admission } from "./admission/admission.ts";
import { NamespaceLifecycle } from "./admission/namespace-lifecycle.ts";
import { NodePortWarning } from "./admission/node-port-warning.ts";
import { PodPriority } from "./admission/pod-priority.ts";
import { PodServiceAccount } from "./admission/service-account.ts";
import { LocalObjects } from "./local-objects.ts";
import { Registry } from "./registry.ts";
import { ServiceAddresses } from "./services/service-addresses.ts";

export interface OpenRegistryDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

export interface OpenRegistryOptions {
  /** Where services get their addresses from. */
  readonly serviceCidr?: string;
  /** False where the node cannot open node ports on its host. */
  readonly servesNodePorts?: boolean;
}

/** The registry with its admission, and the port over it that controllers, scheduler and runtime use. */
export function openRegistry(
  { store, clock, random }: OpenRegistryDeps,
  { serviceCidr = "10.43.0.0/16", servesNodePorts = true }: OpenRegistryOptions = {},
): { readonly registry: Registry; readonly objects: LocalObjects } {
  const admission = new Admission([
    // First of all: what must not be there needs no completing.
    new NamespaceLifecycle({ store, namespaces: declarationOf("Namespace") }),
    new PodServiceAccount({ store, accounts: declarationOf("ServiceAccount") }),
    new PodPriority({ store, priorityClasses: declarationOf("PriorityClass") }),
    ...(servesNodePorts ? [] : [new NodePortWarning()]),
    // Last: what it reserves has only validation and the write itself to pass.
    new ServiceAddresses({ store, random, services: declarationOf("Service") }, serviceCidr),
  ]);
  const registry = new Registry({ store, admission, clock, random });
  return { registry, objects: new LocalObjects({ registry, clock, kindNamed: declarationOf }) };
}
