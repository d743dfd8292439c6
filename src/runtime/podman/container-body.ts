import type { ContainerSecurity, ContainerSpec, Mount, Sandbox } from "../runtime-port.ts";
import { LABEL, ownerLabels } from "./labels.ts";
import { containerName } from "./names.ts";

const CPU_PERIOD_US = 100_000;
/** conmon starts the file anew when it has grown so far. */
const LOG_BYTES = 64 * 1024 * 1024;

/** libpod's SpecGenerator (podman 4.3, `pkg/specgen/specgen.go`). */
export function containerBody(
  node: string,
  { sandbox, spec }: { readonly sandbox: Sandbox; readonly spec: ContainerSpec },
): object {
  return {
    name: containerName(node, sandbox, spec),
    pod: sandbox.id,
    image: spec.image,
    image_pull_policy: "never",
    // Anonymous volumes for the image's VOLUMEs, removed with the container.
    image_volume_mode: "anonymous",
    labels: {
      ...ownerLabels(node, sandbox.pod),
      [LABEL.container]: spec.name,
      [LABEL.attempt]: String(spec.attempt),
      [LABEL.specHash]: spec.specHash,
    },
    ...(spec.entrypoint ? { entrypoint: spec.entrypoint } : {}),
    ...(spec.command ? { command: spec.command } : {}),
    env: spec.env,
    ...(spec.workDir === undefined ? {} : { work_dir: spec.workDir }),
    mounts: spec.mounts.map(bindMount),
    stdin: spec.stdin,
    terminal: spec.tty,
    ...(spec.stopSignal === undefined ? {} : { stop_signal: signalNumber(spec.stopSignal) }),
    restart_policy: "no",
    systemd: "false",
    // Kubernetes knows no image health checks.
    healthconfig: { Test: ["NONE"] },
    log_configuration: { driver: "k8s-file", path: spec.logPath, size: LOG_BYTES },
    resource_limits: resourceLimits(spec.limits),
    ...(spec.oomScore === undefined ? {} : { oom_score_adj: spec.oomScore }),
    ...(spec.hostPid ? { pidns: { nsmode: "host" } } : {}),
    ...(spec.hostIpc ? { ipcns: { nsmode: "host" } } : {}),
    ...securityFields(spec.security),
  };
}

function bindMount({ source, destination, readOnly, propagation = "private" }: Mount): object {
  return {
    type: "bind",
    source,
    destination,
    options: ["rbind", readOnly ? "ro" : "rw", propagation === "private" ? "rprivate" : propagation],
  };
}

function resourceLimits({ cpuShares, cpuQuota, memoryBytes }: ContainerSpec["limits"]): object {
  const cpu = {
    ...(cpuShares === undefined ? {} : { shares: cpuShares }),
    ...(cpuQuota === undefined ? {} : { quota: cpuQuota, period: CPU_PERIOD_US }),
  };
  return {
    ...(Object.keys(cpu).length > 0 ? { cpu } : {}),
    ...(memoryBytes === undefined ? {} : { memory: { limit: memoryBytes } }),
  };
}

function securityFields(security: ContainerSecurity): object {
  return {
    ...(security.user === undefined ? {} : { user: security.user }),
    ...(security.groups.length > 0 ? { groups: security.groups } : {}),
    privileged: security.privileged,
    ...(security.capAdd.length > 0 ? { cap_add: security.capAdd } : {}),
    ...(security.capDrop.length > 0 ? { cap_drop: security.capDrop } : {}),
    read_only_filesystem: security.readOnlyRoot,
    no_new_privileges: security.noNewPrivileges,
    ...(security.seccompUnconfined ? { seccomp_profile_path: "unconfined" } : {}),
    ...(security.selinux.length > 0 ? { selinux_opts: security.selinux } : {}),
  };
}

/** Linux's numbers (`signal(7)`); libpod wants the number. */
const SIGNALS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGWINCH: 28,
};

function signalNumber(signal: string): number {
  const number = SIGNALS[signal.startsWith("SIG") ? signal : `SIG${signal}`] ?? Number(signal);
  return Number.isInteger(number) ? number : 15;
}
