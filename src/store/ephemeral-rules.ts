import { latestStamp, type ObjectState } from "./object-state.ts";
import type { Key } from "./port.ts";
import { stampMs } from "./merge/stamp.ts";

/** What is acknowledged from memory, reaches the disk a little later and goes by itself. */
export interface EphemeralRule {
  readonly resource: string;
  /** All namespaces by default. */
  readonly namespace?: string;
  /** After its last change, on every node alike. */
  readonly ttlMs: number;
  /** The oldest go when a namespace has more. */
  readonly perNamespace: number;
}

const HOUR_MS = 3_600_000;

/** Events live as long as upstream's (kube-apiserver `--event-ttl`); of the leases only the nodes' heartbeats. */
export const EPHEMERAL_RULES: readonly EphemeralRule[] = [
  { resource: "events", ttlMs: HOUR_MS, perNamespace: 2000 },
  { resource: "events.events.k8s.io", ttlMs: HOUR_MS, perNamespace: 2000 },
  { resource: "leases.coordination.k8s.io", namespace: "kube-node-lease", ttlMs: HOUR_MS, perNamespace: 2000 },
];

export function ephemeralRule(rules: readonly EphemeralRule[], key: Key): EphemeralRule | undefined {
  return rules.find(
    (rule) => rule.resource === key.resource && (rule.namespace === undefined || rule.namespace === key.namespace),
  );
}

export function expired(rule: EphemeralRule, state: ObjectState, nowMs: number): boolean {
  return stampMs(latestStamp(state)) + rule.ttlMs < nowMs;
}
