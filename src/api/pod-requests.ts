import type { Container, Pod } from "./kinds.ts";
import { parseMilli } from "./quantity.ts";

/** Amounts by resource name, in thousandths, so that sums of CPU are exact. */
export type Amounts = ReadonlyMap<string, number>;

const known = new WeakMap<Pod, Amounts>();

/**
 * What a pod needs of a node, as upstream (`resourcehelper.PodRequests`): its containers and sidecars together, or its
 * greediest init container with the sidecars started before it, whichever is more; and its overhead on top.
 */
export function podRequests(pod: Pod): Amounts {
  const cached = known.get(pod);
  if (cached) return cached;
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? []) add(total, requestsOf(container));
  const sidecars = new Map<string, number>();
  const starting = new Map<string, number>();
  for (const container of pod.spec?.initContainers ?? []) {
    const own = requestsOf(container);
    if (container.restartPolicy === "Always") {
      add(total, own);
      add(sidecars, own);
      raise(starting, sidecars);
    } else {
      const together = new Map(sidecars);
      add(together, own);
      raise(starting, together);
    }
  }
  raise(total, starting);
  // A pod-level request stands for those of all its containers.
  for (const [name, text] of Object.entries(podLevel(pod))) total.set(name, parseMilli(text));
  add(total, amountsOf(pod.spec?.overhead));
  known.set(pod, total);
  return total;
}

function podLevel(pod: Pod): Readonly<Record<string, string>> {
  const { requests, limits } = pod.spec?.resources ?? {};
  return { ...limits, ...requests };
}

/** A container that names only a limit requests as much. */
function requestsOf({ resources }: Container): Map<string, number> {
  return amountsOf({ ...resources?.limits, ...resources?.requests });
}

export function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Map<string, number> {
  return new Map(Object.entries(quantities ?? {}).map(([name, text]) => [name, parseMilli(text)]));
}

export function add(total: Map<string, number>, more: Amounts, sign: 1 | -1 = 1): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + sign * amount);
}

function raise(total: Map<string, number>, least: Amounts): void {
  for (const [name, amount] of least) total.set(name, Math.max(total.get(name) ?? 0, amount));
}
