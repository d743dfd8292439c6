import { createHash } from "node:crypto";
import type { ContainerSpec, Owner, SandboxSpec } from "../runtime-port.ts";

/**
 * Names in Podman, one space for pods and containers. `_` is legal in no Kubernetes name, so a sandbox (four parts) is
 * never mistaken for a container (five), whatever they are called. A repeated create meets its own first try.
 */
export function sandboxName(node: string, { pod, attempt }: Pick<SandboxSpec, "pod" | "attempt">): string {
  return `pswm_${readable(pod)}_${attempt}_${key(node, pod)}`;
}

export function containerName(
  node: string,
  { pod }: { readonly pod: Owner },
  { name, attempt }: Pick<ContainerSpec, "name" | "attempt">,
): string {
  return `pswm_${name}_${readable(pod)}_${attempt}_${key(node, pod)}`;
}

/** For people only: names of pods may have 253 characters, and equal ones follow one another. */
function readable(pod: Owner): string {
  return pod.name.slice(0, 60);
}

/** What makes the name unique: the pod, and the node, since a restored cluster has pods of the same uid. */
function key(node: string, { uid }: Owner): string {
  return createHash("sha256").update(`${node}\n${uid}`).digest("hex").slice(0, 20);
}
