import { ApiError } from "../../api/api-error.ts";
import { declarationOf } from "../../api/catalog.ts";
import type { Pod, PodDisruptionBudget } from "../../api/kinds.ts";
import { matchesSelector } from "../../api/label-selector.ts";
import { toDeletion } from "../objects/delete-options.ts";
import type { Registry } from "../registry.ts";
import { requestVirtual } from "../objects/request-object.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";
import { writeContext } from "../objects/write-handler.ts";
import type { SubresourceHandler } from "./subresource.ts";

const EVICTION = { kind: "Eviction", version: "v1", schema: "policy.v1.Eviction" } as const;

/** `eviction` of a pod: a delete that respects disruption budgets. */
export function evictionSubresource(registry: Registry): SubresourceHandler {
  return async ({ exchange, path }) => {
    if (exchange.method !== "POST") throw methodNotAllowed();
    const body = (await requestVirtual(exchange, EVICTION)) as
      | { deleteOptions?: Parameters<typeof toDeletion>[0] }
      | undefined;
    const { declaration } = path.served;
    const entry = registry.get(declaration, { namespace: path.namespace, name: path.name });
    refuseDisruption(registry, entry.object as unknown as Pod);
    const deletion = toDeletion(body?.deleteOptions ?? {}, exchange.query);
    const ref = { namespace: path.namespace, name: path.name, uid: entry.uid };
    await registry.delete(declaration, ref, { ...writeContext(exchange), ...deletion });
    await exchange.sendJson(201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
  };
}

/** Pods that are over or never ran disrupt nothing. Budgets whose status nobody keeps count their pods here. */
function refuseDisruption(registry: Registry, pod: Pod): void {
  const phase = pod.status?.phase;
  if (phase !== "Running" || pod.metadata?.deletionTimestamp !== undefined) return;
  const namespace = pod.metadata?.namespace;
  for (const { object } of registry.list(declarationOf("PodDisruptionBudget"), namespace).entries) {
    const budget = object as unknown as PodDisruptionBudget;
    if (!matchesSelector(budget.spec?.selector, pod.metadata?.labels)) continue;
    const pods = registry.list(declarationOf("Pod"), namespace).entries.map((entry) => entry.object as unknown as Pod);
    const matching = pods.filter(({ metadata }) => matchesSelector(budget.spec?.selector, metadata?.labels));
    if (disruptionsAllowed(budget, matching) > 0) continue;
    const name = budget.metadata?.name ?? "";
    const message = `The disruption budget ${name} does not allow this disruption now: too few of its ${matching.length} pods are healthy`;
    throw new ApiError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
      retryAfterSeconds: 10,
      causes: [{ reason: "DisruptionBudget", message }],
    });
  }
}

/** How many healthy pods may go: those above what the budget wants. Percentages round up, as upstream does. */
export function disruptionsAllowed({ spec }: PodDisruptionBudget, pods: readonly Pod[]): number {
  const healthy = pods.filter(isHealthy).length;
  const { minAvailable, maxUnavailable } = spec ?? {};
  if (maxUnavailable !== undefined) return healthy - (pods.length - scaled(maxUnavailable, pods.length));
  return healthy - scaled(minAvailable ?? 1, pods.length);
}

function isHealthy({ metadata, status }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: state }) => type === "Ready" && state === "True");
  return ready === true && metadata?.deletionTimestamp === undefined;
}

function scaled(value: number | string, total: number): number {
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  return percent === undefined ? Number(value) : Math.ceil((Number(percent) * total) / 100);
}
