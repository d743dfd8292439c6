import type { MemberView, Report } from "./effects.ts";
import type { Member } from "./member.ts";
import type { MembershipState } from "./membership-state.ts";

export function viewOf(state: MembershipState, member: Member): MemberView {
  const suspicion = member.state === "suspect" ? state.suspicions.get(member.name) : undefined;
  const { name, endpoint, meta, incarnation, protocol, delegate } = member;
  return {
    name,
    host: endpoint.host,
    port: endpoint.port,
    meta: Uint8Array.from(meta),
    state: member.state,
    incarnation,
    protocol,
    delegate,
    ...(suspicion
      ? {
          suspicion: {
            direct: suspicion.direct,
            confirmations: suspicion.confirmations,
            agentDown: suspicion.agentDown,
          },
        }
      : {}),
  };
}

export function report(state: MembershipState, news: Report): void {
  state.effects.push({ kind: "report", report: news });
}
