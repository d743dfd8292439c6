import type { Pod } from "../../../api/kinds.ts";
import { parseQuantity } from "../../../api/quantity.ts";
import { qosClass } from "../status/qos.ts";

type Container = NonNullable<Pod["spec"]>["containers"][number];

/** As upstream's kubelet (`pkg/kubelet/qos/policy.go`): the more memory was asked for, the later it is killed. */
const GUARANTEED = -997;
const BEST_EFFORT = 1000;

/** The container's `oom_score_adj`; the lowest that the host allows where its own were lower. */
export function oomScore(
  pod: Pod,
  container: Container,
  { memory, least }: { readonly memory: number; readonly least: number },
): number {
  return Math.max(least, wanted(pod, container, memory));
}

function wanted(pod: Pod, { resources }: Container, memory: number): number {
  const quality = pod.status?.qosClass ?? qosClass(pod);
  if (quality === "Guaranteed") return GUARANTEED;
  if (quality === "BestEffort") return BEST_EFFORT;
  const request = parseQuantity(resources?.requests?.["memory"] ?? resources?.limits?.["memory"] ?? "0") ?? 0;
  const score = Math.floor(1000 - (1000 * request) / Math.max(1, memory));
  // Later than what is guaranteed, and before what has asked for nothing.
  return Math.min(BEST_EFFORT - 1, Math.max(1000 + GUARANTEED, score));
}
