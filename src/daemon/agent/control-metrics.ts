import { readdirSync } from "node:fs";
import { declarations } from "../../api/catalog.ts";
import type { HealthCheck } from "../../apiserver/ports.ts";
import type { RunnerMetrics } from "../../controllers/runner.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { SchedulerMetrics } from "../../scheduler/scheduler.ts";
import type { Store } from "../../store/port.ts";

/** The names are controller-runtime's and kube-scheduler's, so that their dashboards fit. */
export function controllerMetrics(metrics: Metrics): RunnerMetrics {
  const total = metrics.counter("controller_runtime_reconcile_total", "Looks at targets, by controller and outcome.");
  const seconds = metrics.histogram("controller_runtime_reconcile_time_seconds", "Time for one look at a target.");
  const depth = metrics.gauge("workqueue_depth", "Targets that wait, by controller.");
  return {
    reconciled: (controller, result, durationMs) => {
      total.add({ controller, result });
      seconds.observe(durationMs / 1000, { controller });
    },
    depth: (name, value) => depth.set(value, { name }),
  };
}

export function schedulerMetrics(metrics: Metrics): SchedulerMetrics {
  const total = metrics.counter("scheduler_schedule_attempts_total", "Looks at pods, by outcome.");
  const seconds = metrics.histogram("scheduler_scheduling_attempt_duration_seconds", "Time for one look at a pod.");
  return {
    attempted: (result, durationMs) => {
      total.add({ result });
      seconds.observe(durationMs / 1000, { result });
    },
  };
}

/** How many objects there are of each resource, under kube-apiserver's name. */
export function objectMetrics(metrics: Metrics, store: Store): void {
  metrics.readings("apiserver_storage_objects", "Objects stored, by resource.", () =>
    declarations.map(({ resource }) => [{ resource }, store.list(resource).entries.length] as const),
  );
}

export function healthMetrics(metrics: Metrics, checks: readonly HealthCheck[]): void {
  metrics.readings("podman_swarm_healthy", "1 for each part of the node that works, 0 for one that does not.", () =>
    checks.map(({ name, check }) => [{ part: name }, check() === undefined ? 1 : 0] as const),
  );
}

/** The agent process itself, under the names that all Prometheus clients use. */
export function processMetrics(metrics: Metrics, clock: Clock): void {
  const started = clock.now() / 1000 - process.uptime();
  metrics.reading("process_start_time_seconds", "When the agent started, in Unix time.", () => started);
  metrics.reading("process_resident_memory_bytes", "Memory of the agent.", () => process.memoryUsage.rss());
  metrics.reading("nodejs_heap_size_used_bytes", "Of it, what JavaScript uses.", () => process.memoryUsage().heapUsed);
  metrics.reading("process_cpu_seconds_total", "Time on a processor, user and system.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.reading("process_open_fds", "Open files and sockets.", () => readdirSync("/proc/self/fd").length);
}
