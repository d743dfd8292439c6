import type { Container, Pod } from "../../../api/kinds.ts";
import { parseMilli, parseQuantity } from "../../../api/quantity.ts";
import { expand } from "../../env/expand.ts";
import type { ContainerSpec, ImageFacts, Mount } from "../../runtime-port.ts";
import type { HostAbilities } from "../limits/host-limits.ts";
import { oomScore } from "./oom-score.ts";
import { containerSecurity } from "./security.ts";
import { specHash } from "./spec-hash.ts";

/** The CFS period in which quotas are given, milliseconds. */
const PERIOD_MS = 100;

export interface PlanInputs {
  readonly attempt: number;
  readonly image: ImageFacts;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly logPath: string;
  readonly abilities: HostAbilities;
  /** The node's allocatable bytes. */
  readonly nodeMemory: number;
}

/** A container of the pod in the runtime's terms. */
export function containerPlan(pod: Pod, container: Container, inputs: PlanInputs): ContainerSpec {
  const { attempt, image, env, mounts, logPath, abilities, nodeMemory } = inputs;
  const expanded = (words: readonly string[] | undefined): string[] | undefined =>
    words === undefined || words.length === 0 ? undefined : words.map((word) => expand(word, env));
  return {
    name: container.name,
    attempt,
    specHash: specHash(container),
    image: image.id,
    entrypoint: expanded(container.command),
    command: expanded(container.args),
    env,
    workDir: container.workingDir || undefined,
    mounts,
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    stopSignal: container.lifecycle?.stopSignal ?? image.stopSignal,
    logPath,
    limits: limits(container, abilities),
    oomScore: oomScore(pod, container, { memory: nodeMemory, least: abilities.leastOomScore }),
    security: containerSecurity(pod, container, image),
    hostPid: pod.spec?.hostPID ?? false,
    hostIpc: pod.spec?.hostIPC ?? false,
  };
}

/** What the host can enforce, as upstream's kubelet: 1024 shares a core, at least 2; a quota of at least 1 ms. */
function limits(container: Container, abilities: HostAbilities): ContainerSpec["limits"] {
  const cpuLimit = container.resources?.limits?.["cpu"];
  const cpuRequest = container.resources?.requests?.["cpu"] ?? cpuLimit;
  const memory = container.resources?.limits?.["memory"];
  const memoryBytes = memory === undefined ? 0 : Math.ceil(parseQuantity(memory) ?? 0);
  const cpu = {
    cpuShares: Math.max(2, Math.floor((parseMilli(cpuRequest) * 1024) / 1000)),
    ...(cpuLimit === undefined ? {} : { cpuQuota: Math.max(1000, parseMilli(cpuLimit) * PERIOD_MS) }),
  };
  return {
    ...(abilities.cpu === undefined ? cpu : {}),
    ...(abilities.memory === undefined && memoryBytes > 0 ? { memoryBytes } : {}),
  };
}
