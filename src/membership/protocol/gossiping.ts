import type { Member } from "./member.ts";
import { report } from "./member-view.ts";
import type { MembershipState } from "./membership-state.ts";
import { sendParts, takeRumours } from "./sending.ts";

/** Tells rumours to a few at random, the lately dead among them. Source: memberlist v0.7.0, state.go, `gossip`. */
export function gossip(state: MembershipState): void {
  const { broadcasts, userBroadcasts, settings, members, self } = state;
  if (broadcasts.length > 0 || userBroadcasts.length > 0) {
    const hears = (member: Member): boolean => {
      if (member === self || member.state === "left") return false;
      return member.state !== "dead" || state.now - member.changedAt <= settings.gossipToTheDeadMs;
    };
    for (const member of members.pick(settings.gossipNodes, hears)) {
      const rumours = takeRumours(state);
      if (rumours.length > 0) sendParts(state, member, rumours);
    }
  }
  if (state.leaving && !state.leaveTold && !broadcasts.has(self.name)) {
    state.leaveTold = true;
    report(state, { kind: "leave-told" });
  }
}
