import { timestamp } from "../lib/clock.ts";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

/**
 * The conditions with `wanted` among them. One that already has the same status, reason and message stays as it is; the
 * time of transition changes with the status only.
 */
export function withCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  wanted: Omit<C, "lastTransitionTime">,
  now: number,
): C[] {
  const present = conditions?.find(({ type }) => type === wanted.type);
  if (present && present.status === wanted.status && present.reason === wanted.reason) {
    if (present.message === wanted.message) return [...(conditions ?? [])];
  }
  const lastTransitionTime =
    present?.status === wanted.status && present.lastTransitionTime !== undefined
      ? present.lastTransitionTime
      : timestamp(now);
  const next = { ...wanted, lastTransitionTime } as C;
  return present
    ? (conditions ?? []).map((condition) => (condition === present ? next : condition))
    : [...(conditions ?? []), next];
}

export function withoutCondition<C extends Condition>(conditions: readonly C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}
