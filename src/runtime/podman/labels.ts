import type { Owner } from "../runtime-port.ts";

/** Everything we make carries these; what does not, or has another node's id, is never touched. */
export const LABEL = {
  /** Whose it is: the id that a node keeps in its data directory. */
  node: "io.podman-swarm.node",
  podUid: "io.podman-swarm.pod-uid",
  podName: "io.podman-swarm.pod-name",
  podNamespace: "io.podman-swarm.pod-namespace",
  sandboxAttempt: "io.podman-swarm.sandbox-attempt",
  container: "io.podman-swarm.container",
  attempt: "io.podman-swarm.attempt",
  specHash: "io.podman-swarm.spec-hash",
} as const;

export type Labels = Readonly<Record<string, string>>;

export function ownerLabels(node: string, pod: Owner): Record<string, string> {
  return {
    [LABEL.node]: node,
    [LABEL.podUid]: pod.uid,
    [LABEL.podName]: pod.name,
    [LABEL.podNamespace]: pod.namespace,
  };
}

export function ownerOf(labels: Labels): Owner | undefined {
  const uid = labels[LABEL.podUid];
  if (uid === undefined) return undefined;
  return { uid, name: labels[LABEL.podName] ?? "", namespace: labels[LABEL.podNamespace] ?? "" };
}
