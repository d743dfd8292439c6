import type { RunnerMetrics } from "../../controllers/runner.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { SchedulerMetrics } from "../../scheduler/scheduler.ts";

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
