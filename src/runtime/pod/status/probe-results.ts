import type { Container } from "../../../api/kinds.ts";
import type { ProbeResults } from "../../probes/container-probes.ts";
import { emit, type PodContext } from "../pod-context.ts";
import type { ContainerState } from "../pod-state.ts";

/** What a container's probes mean for its state. */
export function probeResults(context: PodContext, one: ContainerState, container: Container): ProbeResults {
  const unhealthy = (message: string): void => {
    // That what is being stopped stops answering is no news.
    if (context.pod().metadata?.deletionTimestamp !== undefined || one.busy === "stopping") return;
    emit(context, { type: "Warning", reason: "Unhealthy", message, container: one });
  };
  return {
    started: () => one.started,
    failed: (probe, message) => unhealthy(`${probe} probe failed: ${message}`),
    errored: (probe, message) => unhealthy(`${probe} probe errored and resulted in unknown state: ${message}`),
    verdict: (probe, ok) => {
      if (probe === "Readiness") {
        if (one.ready === ok) return;
        one.ready = ok;
      } else if (!ok) {
        one.condemned ??= `Container ${one.name} failed ${probe.toLowerCase()} probe, will be restarted`;
      } else if (probe === "Startup") {
        one.started = true;
        if (!container.readinessProbe) one.ready = true;
      } else return;
      context.changed();
    },
  };
}
