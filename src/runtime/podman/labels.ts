import type { Owner } from "../runtime-port.ts";

/** Everything we make carries these; what does not is never touched. */
export const LABEL = {
  podUid: "io.podman-swarm.pod-uid",
  podName: "io.podman-swarm.pod-name",
  podNamespace: "io.podman-swarm.pod-namespace",
  sandboxAttempt: "io.podman-swarm.sandbox-attempt",
  container: "io.podman-swarm.container",
  attempt: "io.podman-swarm.attempt",
  specHash: "io.podman-swarm.spec-hash",
} as const;

export type Labels = Readonly<Record<string, string>>;

export function ownerLabels(pod: Owner): Record<string, string> {
  return { [LABEL.podUid]: pod.uid, [LABEL.podName]: pod.name, [LABEL.podNamespace]: pod.namespace };
}

export function ownerOf(labels: Labels): Owner | undefined {
  const uid = labels[LABEL.podUid];
  if (uid === undefined) return undefined;
  return { uid, name: labels[LABEL.podName] ?? "", namespace: labels[LABEL.podNamespace] ?? "" };
}
