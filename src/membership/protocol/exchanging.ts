import { EMPTY } from "../wire/msgpack-reader.ts";
import { encodePushPull, type PushedNode } from "../wire/push-pull.ts";
import { type Endpoint, versionBytes } from "./member.ts";
import type { MembershipState, Purpose } from "./membership-state.ts";

/** Exchanges over streams. Rules: memberlist v0.7.0, net.go and state.go. */

export function startExchange(
  state: MembershipState,
  { to, body, timeoutMs, purpose }: { to: Endpoint; body: Buffer; timeoutMs: number; purpose: Purpose },
): void {
  const id = state.nextExchange;
  state.nextExchange += 1;
  state.exchanges.set(id, purpose);
  state.effects.push({ kind: "exchange", id, to, body, timeoutMs });
}

/** All that this node knows, as a push/pull. */
export function ownState(state: MembershipState, join: boolean): Buffer {
  const nodes = state.members.all().map((member): PushedNode => ({
    name: member.name,
    addr: member.addr,
    port: member.port,
    meta: member.meta,
    incarnation: member.incarnation,
    state: member.state,
    vsn: versionBytes(member),
  }));
  return encodePushPull({ join, nodes, userState: EMPTY });
}

/** A push/pull with one node; `outcome` is the id under which its end is told. */
export function syncWith(
  state: MembershipState,
  to: Endpoint,
  { join, outcome }: { join: boolean; outcome?: number },
): void {
  state.counters.syncs += 1;
  startExchange(state, {
    to,
    body: ownState(state, join),
    timeoutMs: state.settings.tcpTimeoutMs,
    purpose: { kind: "sync", join, outcome },
  });
}

/** The regular push/pull with a random node, which repairs what gossip missed. */
export function syncWithAny(state: MembershipState): void {
  const [member] = state.members.pick(1, (one) => one !== state.self && one.state === "alive");
  if (member) syncWith(state, member.endpoint, { join: false });
}
