import type { Pod } from "../../../api/kinds.ts";

/** A pod whose object is gone has nobody left who waits for its grace. */
const GONE_GRACE_S = 2;

export interface GraceFacts {
  /** The object is gone from the store. */
  readonly gone: boolean;
  /** Wall time by which its containers were to be killed, from when their stopping began; undefined before. */
  readonly deadline: number | undefined;
  readonly now: number;
}

/**
 * Seconds that a container has between the stop signal and SIGKILL. The deadline outlives the agent that set it: a pod
 * is not given its grace again because the agent was restarted.
 */
export function graceOf(pod: Pod, { gone, deadline, now }: GraceFacts): number {
  const own = pod.spec?.terminationGracePeriodSeconds ?? 30;
  const given = gone ? Math.min(own, GONE_GRACE_S) : (pod.metadata?.deletionGracePeriodSeconds ?? own);
  if (deadline === undefined) return given;
  return Math.min(given, Math.max(0, Math.ceil((deadline - now) / 1000)));
}
