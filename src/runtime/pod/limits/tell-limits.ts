import { shortcomings } from "./host-limits.ts";
import { emit, type PodContext } from "../pod-context.ts";
import { unsupported } from "./unsupported.ts";

/** Says in Events what of the pod this host runs with less than it asks for. */
export function tellShortcomings(context: PodContext): void {
  for (const message of shortcomings(context.pod(), context.deps.abilities)) {
    emit(context, { type: "Warning", reason: "NotEnforced", message });
  }
}

/** Blocks a pod that this node cannot run, and says why. */
export function tellUnsupported(context: PodContext): void {
  const reasons = unsupported(context.pod());
  if (reasons.length === 0) return;
  const message = reasons.join("; ");
  context.state.blocked = { reason: "Unsupported", message };
  emit(context, { type: "Warning", reason: "Unsupported", message: `Cannot start the pod: ${message}` });
}
