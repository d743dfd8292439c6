import type { Alive, Dead, Suspect } from "../wire/rumour-messages.ts";
import { changeScore } from "./awareness.ts";
import { hostOf, isGone, type Member, newMember, versionBytes, versionsOf } from "./member.ts";
import { report, viewOf } from "./member-view.ts";
import type { MembershipState } from "./membership-state.ts";
import { tellRumour } from "./sending.ts";
import { addEvidence, confirmSuspicion, type Evidence, startSuspicion } from "./suspicion.ts";

/** What a node makes of rumours. Rules: memberlist v0.7.0, state.go, `aliveNode`, `suspectNode`, `deadNode`. */

const HEARSAY: Evidence = { direct: false, agentDown: false };

export function ownAlive(state: MembershipState): Alive {
  const { name, incarnation, addr, port, meta } = state.self;
  return { node: name, incarnation, addr, port, meta, vsn: versionBytes(state.self) };
}

/** Says that this node lives, with an incarnation above the one that was accused. */
function refute(state: MembershipState, accused: number, by: string): void {
  // 32 bits on the wire: at their end there is no objection any more. Only a holder of the key can lead there.
  state.self.incarnation = Math.min(Math.max(state.self.incarnation, accused) + 1, 0xffffffff);
  changeScore(state, 1);
  state.counters.refutations += 1;
  tellRumour(state, state.self.name, { kind: "alive", alive: ownAlive(state) });
  report(state, { kind: "refuted", by, incarnation: state.self.incarnation });
}

function hasSaneVersions({ vsn }: Alive): boolean {
  if (vsn.length < 3) return true;
  const [min = 0, max = 0] = vsn;
  return min > 0 && max > 0 && min <= max;
}

function hearOfSelf(state: MembershipState, alive: Alive): void {
  const { self } = state;
  if (state.leaving || alive.incarnation < self.incarnation) return;
  const same = alive.meta.equals(self.meta) && alive.vsn.equals(versionBytes(self));
  // The same incarnation with other contents is from before a restart, which began to count anew.
  if (alive.incarnation === self.incarnation && same) return;
  refute(state, alive.incarnation, alive.node);
}

/** Whether a name may move to another address: its node left, or has been dead for long enough. */
function mayMove(state: MembershipState, member: Member): boolean {
  const { deadNodeReclaimMs } = state.settings;
  if (member.state === "left") return true;
  return member.state === "dead" && deadNodeReclaimMs > 0 && state.now - member.changedAt > deadNodeReclaimMs;
}

export function hearAlive(state: MembershipState, heard: Alive): void {
  const { members, settings } = state;
  const host = hostOf(heard.addr);
  if (heard.node === "" || host === undefined || !hasSaneVersions(heard)) return ignore(state);
  // Before protocol 2 there were no ports. Source: net.go, `handleAlive`.
  const port = settings.protocolVersion < 2 || heard.port === 0 ? settings.port : heard.port;
  const alive: Alive = { ...heard, port };
  const known = members.get(alive.node);
  const moves = known !== undefined && (!known.addr.equals(alive.addr) || known.port !== port);
  if (known && moves && !mayMove(state, known)) {
    state.counters.conflicts += 1;
    report(state, { kind: "conflict", member: viewOf(state, known), other: { host, port } });
    return;
  }
  if (alive.node === state.self.name) return hearOfSelf(state, alive);
  if (known && alive.incarnation <= known.incarnation && !moves) return;
  if (!known && members.size >= settings.maxMembers) return ignore(state);
  const { addr, meta } = alive;
  const member = known ?? newMember(alive.node, { addr, port, meta, changedAt: state.now });
  if (!known) members.add(member);
  takeAlive(state, member, alive);
}

function takeAlive(state: MembershipState, member: Member, alive: Alive): void {
  const before = { state: member.state, meta: member.meta };
  state.suspicions.delete(member.name);
  tellRumour(state, member.name, { kind: "alive", alive });
  member.addr = alive.addr;
  member.port = alive.port;
  member.endpoint = { host: hostOf(alive.addr) ?? "", port: alive.port };
  member.meta = alive.meta;
  member.incarnation = alive.incarnation;
  Object.assign(member, versionsOf(alive.vsn));
  if (before.state !== "alive") {
    member.state = "alive";
    member.changedAt = state.now;
  }
  const view = viewOf(state, member);
  if (before.state === "dead" || before.state === "left") report(state, { kind: "joined", member: view });
  else if (!before.meta.equals(alive.meta)) report(state, { kind: "updated", member: view });
  if (before.state === "suspect") report(state, { kind: "recovered", member: view });
}

export function hearSuspect(state: MembershipState, suspect: Suspect, evidence: Evidence = HEARSAY): void {
  const member = state.members.get(suspect.node);
  if (!member || suspect.incarnation < member.incarnation) return;
  if (state.suspicions.has(member.name)) {
    const counts = confirmSuspicion(state, member.name, suspect.from);
    if (counts) tellRumour(state, member.name, { kind: "suspect", suspect });
    if (addEvidence(state, member.name, evidence) || counts)
      report(state, { kind: "suspected", member: viewOf(state, member) });
    return;
  }
  if (member.state !== "alive") return;
  if (member === state.self) return refute(state, suspect.incarnation, suspect.from);
  tellRumour(state, member.name, { kind: "suspect", suspect });
  member.incarnation = suspect.incarnation;
  member.state = "suspect";
  member.changedAt = state.now;
  startSuspicion(state, member, { from: suspect.from, evidence });
  report(state, { kind: "suspected", member: viewOf(state, member) });
}

export function hearDead(state: MembershipState, dead: Dead): void {
  const member = state.members.get(dead.node);
  if (!member || dead.incarnation < member.incarnation) return;
  if (member === state.self && !state.leaving) {
    if (!isGone(member)) refute(state, dead.incarnation, dead.from);
    return;
  }
  state.suspicions.delete(member.name);
  if (isGone(member)) return;
  tellRumour(state, member.name, { kind: "dead", dead });
  member.incarnation = dead.incarnation;
  // Who tells its own death has left. Source: state.go, `deadNode`.
  member.state = dead.node === dead.from ? "left" : "dead";
  member.changedAt = state.now;
  if (member.state === "dead") state.counters.deaths += 1;
  report(state, { kind: member.state === "left" ? "left" : "failed", member: viewOf(state, member) });
}

/** Tells that this node goes. It still answers until it is stopped. */
export function leave(state: MembershipState): void {
  if (state.leaving) return;
  state.leaving = true;
  const { name, incarnation } = state.self;
  hearDead(state, { node: name, from: name, incarnation });
}

/** Tells of another that it has left, as serf's `force-leave` does. One that is forgotten by now needs no words. */
export function forceLeave(state: MembershipState, name: string): void {
  const member = state.members.get(name);
  if (member === state.self) throw new Error(`Cannot take ${name} out: it is this node`);
  if (!member) return;
  hearDead(state, { node: name, from: name, incarnation: member.incarnation });
}

function ignore(state: MembershipState): void {
  state.counters.ignored += 1;
}
