import type { Kinds, Pod } from "../api/kinds.ts";
import { podCondition } from "../api/pod-state.ts";
import type { Stored } from "../api/stored.ts";
import { timestamp } from "../lib/clock.ts";

/** The one name under which pods ask for this scheduler (upstream `v1.DefaultSchedulerName`). */
export const SCHEDULER_NAME = "default-scheduler";

/** Whether a pod waits for this scheduler. */
export function isWaiting({ metadata, spec, status }: Stored<"Pod">): boolean {
  return (
    !spec.nodeName &&
    metadata.deletionTimestamp === undefined &&
    (spec.schedulerName ?? SCHEDULER_NAME) === SCHEDULER_NAME &&
    status?.phase !== "Succeeded" &&
    status?.phase !== "Failed"
  );
}

export function isGated({ spec }: Stored<"Pod">): boolean {
  return (spec.schedulingGates ?? []).length > 0;
}

export interface Verdict {
  readonly reason: "Unschedulable" | "SchedulingGated" | "SchedulerError";
  readonly message: string;
}

export const GATED: Verdict = {
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
};

/** The pod with the reason why it has no node; undefined when it says so already. */
export function withVerdict(pod: Stored<"Pod">, { reason, message }: Verdict, now: number): Pod | undefined {
  const present = podCondition(pod, "PodScheduled");
  if (present?.status === "False" && present.reason === reason && present.message === message) return undefined;
  const at = present?.status === "False" ? (present.lastTransitionTime ?? timestamp(now)) : timestamp(now);
  const condition = { type: "PodScheduled", status: "False", reason, message, lastTransitionTime: at };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const { resourceVersion: _, ...metadata } = pod.metadata;
  const status: Kinds["Pod"]["status"] = {
    ...pod.status,
    phase: pod.status?.phase ?? "Pending",
    conditions: [...others, condition],
  };
  return { ...pod, metadata, status };
}
