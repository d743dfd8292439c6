import type { Pod } from "../../api/kinds.ts";
import type { PodState } from "./pod-state.ts";
import { specHash } from "./start/spec-hash.ts";

/**
 * Looks for containers that were made from another image than the pod asks for now, which upstream allows to change in a
 * pod that runs. One that runs is condemned, and replaced whatever the restart policy is; one that waits is tried at
 * once. What has come to its end stays so.
 */
export function noticeImages(pod: Pod, state: PodState): void {
  const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  for (const one of state.containers) {
    const spec = specs.find(({ name }) => name === one.name);
    // One that is being started tells afterwards what it was made from.
    if (!spec || one.busy === "starting" || one.specHash === specHash(spec)) continue;
    one.specHash = specHash(spec);
    // As upstream, an init container that works is not disturbed.
    if (one.kind === "init" && one.runningSince !== undefined) continue;
    one.crash = undefined;
    one.pull = undefined;
    one.retryAt = 0;
    if (one.runningSince === undefined) continue;
    one.replace = true;
    one.condemned = `Container ${one.name} definition changed, will be restarted`;
  }
}
