import type { MembershipState } from "./membership-state.ts";

/**
 * Lifeguard's local health: a node that misses answers which it should have got takes itself for slow, and gives
 * others more time. Source: memberlist v0.7.0, awareness.go.
 */
export function changeScore(state: MembershipState, by: number): void {
  state.score = Math.min(Math.max(state.score + by, 0), state.settings.awarenessMax - 1);
}

export function scaledByScore(state: MembershipState, ms: number): number {
  return ms * (state.score + 1);
}
