import type { Pod } from "../../../api/kinds.ts";
import { parseQuantity } from "../../../api/quantity.ts";

/** Upstream's quality-of-service class of a pod. */
export function qosClass(pod: Pod): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of ["cpu", "memory"]) {
      const limit = parseQuantity(resources?.limits?.[name] ?? "0") ?? 0;
      const request = parseQuantity(resources?.requests?.[name] ?? String(limit)) ?? 0;
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || request !== limit) guaranteed = false;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}
