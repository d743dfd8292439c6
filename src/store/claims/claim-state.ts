import type { Claimants, ObjectState } from "../object-state.ts";
import { type Stamp, stampMs } from "../merge/stamp.ts";

/** The storage resource of claims; not served by the API. */
export const CLAIMS = "claims.podman-swarm.internal";

/** A released claim is remembered for so long, that an older copy of it cannot come back. */
const REMEMBERED_MS = 86_400_000;

/** The holder with the lowest stamp of those that have not released; undefined when it is free. */
export function holderOf(claimants: Claimants): string | undefined {
  const held = Object.keys(claimants).filter((id) => claimants[id] === "");
  const first = held.reduce<string | undefined>((low, id) => (low === undefined || id < low ? id : low), undefined);
  return first?.slice(first.indexOf("/") + 1);
}

export function withClaimant(claimants: Claimants, holder: string, stamp: Stamp): Claimants {
  return { ...claimants, [`${stamp}/${holder}`]: "" };
}

export function withoutClaimant(claimants: Claimants, holder: string, stamp: Stamp): Claimants {
  return Object.fromEntries(
    Object.entries(claimants).map(([id, released]) =>
      released === "" && id.slice(id.indexOf("/") + 1) === holder ? [id, stamp] : [id, released],
    ),
  );
}

/** Whether everybody has released it so long ago that every node forgets it. */
export function isClaimOver({ claimants }: ObjectState, nowMs: number): boolean {
  if (claimants === undefined) return false;
  return Object.values(claimants).every((released) => released !== "" && stampMs(released) + REMEMBERED_MS < nowMs);
}
