import type { MemberView } from "../../membership/protocol/effects.ts";
import type { KnownMember } from "../replication/cluster-members.ts";
import { parseAddress } from "./member-address.ts";

/** A member as users see it. */
export type ListedMember = Pick<MemberView, "name" | "host" | "port" | "state">;

/**
 * Whom the gossip tells of, and as dead those of the cluster of whom it does not: it forgets who is lost after half a
 * minute, and after a start it has not found the others yet.
 */
export function listedMembers(seen: readonly MemberView[], registered: readonly KnownMember[]): ListedMember[] {
  const names = new Set(seen.map(({ name }) => name));
  const unseen = registered.filter(({ name }) => !names.has(name));
  return [...seen, ...unseen.map(({ name, address }) => ({ name, ...parseAddress(address), state: "dead" as const }))];
}
