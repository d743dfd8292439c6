import { EMPTY } from "../wire/msgpack-reader.ts";
import { encodePushPull, type PushedNode } from "../wire/push-pull.ts";
import { type Endpoint, type Member, versionBytes } from "./member.ts";
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

/** How long a node that failed is looked for. Source: serf v0.9.8, serf/config.go, `ReconnectTimeout` (a day). */
const LOOKED_FOR_MS = 24 * 3600_000;
const MAX_LOST = 1024;

/** A node that was forgotten without having left may be on the other side of a cut: it is looked for. */
export function noteLost(state: MembershipState, { name, endpoint, state: last }: Member): void {
  if (last === "dead" && state.lost.size < MAX_LOST) state.lost.set(name, { endpoint, since: state.now });
}

/**
 * Tries one of the nodes that failed, so that what was parted grows together again, however long it was parted. All
 * living nodes together try each of them about once an interval. Not in Go's memberlist; Serf does the same.
 */
export function lookForLost(state: MembershipState): void {
  for (const [name, { since }] of state.lost)
    if (state.now - since > LOOKED_FOR_MS || state.members.get(name) !== undefined) state.lost.delete(name);
  const dead = state.members.all().flatMap((one) => (one.state === "dead" ? [one.endpoint] : []));
  const gone = [...[...state.lost.values()].map(({ endpoint }) => endpoint), ...dead];
  const living = state.members.all().filter((one) => one.state === "alive").length;
  const chosen = gone[Math.floor(state.random.next() * Math.max(gone.length, living))];
  if (chosen) syncWith(state, chosen, { join: true });
}
