import type { MemberView } from "../../src/membership/protocol/effects.ts";

/** A member as the others see it, at a host of its own name. */
export function memberView(name: string, state: MemberView["state"] = "alive"): MemberView {
  return {
    name,
    host: name,
    port: 7946,
    state,
    incarnation: 1,
    meta: new Uint8Array(),
    protocol: { min: 1, max: 5, current: 5 },
    delegate: { min: 0, max: 0, current: 0 },
  };
}
