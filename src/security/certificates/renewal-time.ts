import type { Random } from "../../lib/random.ts";

/**
 * When to renew a certificate: at a random moment between 50 and 80 % of its life, so that nodes that were made
 * together do not renew together. Milliseconds since the epoch.
 */
export function renewalTime(life: { readonly from: number; readonly until: number }, random: Random): number {
  return life.from + (life.until - life.from) * (0.5 + 0.3 * random.next());
}
