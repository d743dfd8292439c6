import { AGE, NAME, ageCell, ageSince, column, wideColumn } from "../../columns.ts";
import type { Cell, Column, RowContext } from "../../kind.ts";
import type { Container, ContainerStatus, Pod } from "../../kinds.ts";

export const podColumns: readonly Column[] = [
  NAME,
  column("Ready", "Containers that are ready, of all that keep running."),
  column("Status", "The pod's phase, or the reason why it is not what it should be."),
  column("Restarts", "How often its containers were restarted, and when last."),
  AGE,
  wideColumn("IP", "The pod's address."),
  wideColumn("Node", "The node that runs it."),
  wideColumn("Nominated Node", "The node on which room is being made for it."),
  wideColumn("Readiness Gates", "Readiness gates that are open, of all."),
];

export function podRow(pod: Pod, context: RowContext): Cell[] {
  const { metadata, spec, status } = pod;
  const summary = summarize(pod);
  const gates = spec?.readinessGates ?? [];
  const open = gates.filter(({ conditionType }) =>
    status?.conditions?.some(({ type, status: state }) => type === conditionType && state === "True"),
  ).length;
  const { restarts, lastRestart } = summary;
  return [
    metadata?.name ?? "",
    `${summary.ready}/${summary.total}`,
    summary.reason,
    restarts > 0 && lastRestart !== "" ? `${restarts} (${ageSince(lastRestart, context)} ago)` : String(restarts),
    ageCell(pod, context),
    status?.podIPs?.[0]?.ip ?? status?.podIP ?? "<none>",
    spec?.nodeName || "<none>",
    status?.nominatedNodeName || "<none>",
    gates.length > 0 ? `${open}/${gates.length}` : "<none>",
  ];
}

interface Summary {
  reason: string;
  ready: number;
  total: number;
  restarts: number;
  /** RFC 3339; "" for never. */
  lastRestart: string;
}

function summarize(pod: Pod): Summary {
  const { metadata, spec, status } = pod;
  const sidecars = (spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const summary: Summary = {
    reason: status?.reason || status?.phase || "",
    ready: 0,
    total: (spec?.containers?.length ?? 0) + sidecars.length,
    restarts: 0,
    lastRestart: "",
  };
  if (status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated")) {
    summary.reason = "SchedulingGated";
  }
  const initializing = summarizeInit(pod, summary, new Set(sidecars));
  const initialized = status?.conditions?.some(({ type, status: state }) => type === "Initialized" && state === "True");
  if (!initializing || initialized === true) {
    countRestarts(
      summary,
      (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.includes(name)),
    );
    summarizeContainers(pod, summary);
  }
  if (metadata?.deletionTimestamp !== undefined) {
    if (status?.reason === "NodeLost") summary.reason = "Unknown";
    else if (status?.phase !== "Succeeded" && status?.phase !== "Failed") summary.reason = "Terminating";
  }
  return summary;
}

function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/** Whether an init container still runs or has failed; then it is the pod's reason. */
function summarizeInit({ spec, status }: Pod, summary: Summary, sidecars: ReadonlySet<string>): boolean {
  const seen: ContainerStatus[] = [];
  for (const [index, container] of (status?.initContainerStatuses ?? []).entries()) {
    seen.push(container);
    countRestarts(summary, seen);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started === true) {
      if (container.ready) summary.ready++;
      continue;
    }
    const total = spec?.initContainers?.length ?? 0;
    if (terminated !== undefined) summary.reason = `Init:${endReason(terminated)}`;
    else if (waiting?.reason && waiting.reason !== "PodInitializing") summary.reason = `Init:${waiting.reason}`;
    else summary.reason = `Init:${index}/${total}`;
    return true;
  }
  return false;
}

function summarizeContainers({ status }: Pod, summary: Summary): void {
  const statuses = status?.containerStatuses ?? [];
  let running = false;
  for (const { state, ready } of statuses.toReversed()) {
    if (state?.waiting?.reason) summary.reason = state.waiting.reason;
    else if (state?.terminated !== undefined) summary.reason = endReason(state.terminated);
    else if (ready && state?.running !== undefined) {
      running = true;
      summary.ready++;
    }
  }
  countRestarts(summary, statuses, summary);
  if (summary.reason === "Completed" && running) {
    const podReady = status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True");
    summary.reason = podReady === true ? "Running" : "NotReady";
  }
}

function endReason({ reason, signal, exitCode }: { reason?: string; signal?: number; exitCode: number }): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function countRestarts(
  summary: Summary,
  statuses: readonly ContainerStatus[],
  start: { readonly restarts: number; readonly lastRestart: string } = { restarts: 0, lastRestart: "" },
): void {
  let { restarts, lastRestart } = start;
  for (const { restartCount, lastState } of statuses) {
    restarts += restartCount;
    const finished = lastState?.terminated?.finishedAt ?? "";
    if (finished > lastRestart) lastRestart = finished;
  }
  summary.restarts = restarts;
  summary.lastRestart = lastRestart;
}
