/** The Go library's formulas (memberlist v0.7.0, util.go and suspicion.go). Times in milliseconds. */

/** From how many nodes on push/pulls become rarer. Source: util.go, `pushPullScaleThreshold`. */
const PUSH_PULL_THRESHOLD = 32;

/** The least time that a suspect has. Three decimals of the logarithm count. */
export function suspicionTimeout(mult: number, nodes: number, intervalMs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, nodes)));
  return (mult * Math.trunc(scale * 1000) * intervalMs) / 1000;
}

/** How often one rumour is sent. */
export function retransmitLimit(mult: number, nodes: number): number {
  return mult * Math.ceil(Math.log10(nodes + 1));
}

export function pushPullInterval(intervalMs: number, nodes: number): number {
  if (nodes <= PUSH_PULL_THRESHOLD) return intervalMs;
  return (Math.ceil(Math.log2(nodes) - Math.log2(PUSH_PULL_THRESHOLD)) + 1) * intervalMs;
}

export interface SuspicionBounds {
  /** Confirmations that bring the time down to `min`. */
  readonly wanted: number;
  readonly min: number;
  readonly max: number;
}

/** How long a suspect has, from the first suspicion on, after so many others have confirmed it. */
export function suspicionTime(confirmations: number, { wanted, min, max }: SuspicionBounds): number {
  if (wanted < 1) return min;
  const part = Math.log(confirmations + 1) / Math.log(wanted + 1);
  return Math.max(min, Math.floor(max - part * (max - min)));
}
