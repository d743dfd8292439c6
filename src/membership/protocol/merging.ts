import type { PushedNode, PushPull } from "../wire/push-pull.ts";
import { type Member, versionsOf } from "./member.ts";
import type { MembershipState } from "./membership-state.ts";
import { hearAlive, hearDead, hearSuspect } from "./rumours.ts";

/** Takes over what another node knows; says why not when the two cannot understand each other. */
export function mergeNodes(state: MembershipState, { nodes }: PushPull): string | undefined {
  const refusal = versionRefusal(state, nodes);
  if (refusal !== undefined) return refusal;
  for (const { name: node, addr, port, meta, incarnation, vsn, state: theirs } of nodes) {
    if (theirs === "alive") hearAlive(state, { node, addr, port, meta, incarnation, vsn });
    else if (theirs === "left") hearDead(state, { node, incarnation, from: node });
    // A death that another one believes in is only suspected, so that the node can refute.
    else hearSuspect(state, { node, incarnation, from: state.self.name });
  }
  return undefined;
}

interface Spoken {
  readonly name: string;
  /** Undefined for a node that did not tell. */
  readonly versions: Pick<Member, "protocol" | "delegate"> | undefined;
}

/**
 * Every living node must speak what every other one understands. Source: state.go, `verifyProtocol`, which refuses by
 * the versions of the dead as well; here those that are gone keep nobody out.
 */
function versionRefusal(state: MembershipState, remote: readonly PushedNode[]): string | undefined {
  const living: Spoken[] = [
    ...remote.filter((node) => node.state === "alive").map(({ name, vsn }) => ({ name, versions: versionsOf(vsn) })),
    ...state.members
      .all()
      .filter((member) => member.state === "alive")
      .map((member) => ({ name: member.name, versions: member.protocol.max > 0 ? member : undefined })),
  ];
  for (const which of ["protocol", "delegate"] as const) {
    let [min, max] = [0, 255];
    for (const { versions } of living) {
      min = Math.max(min, versions?.[which].min ?? 0);
      max = Math.min(max, versions?.[which].max ?? 255);
    }
    for (const { name, versions } of living) {
      const current = versions?.[which].current;
      if (current !== undefined && (current < min || current > max))
        return `${name} speaks ${which} version ${current}, but all understand only ${min} to ${max}`;
    }
  }
  return undefined;
}
