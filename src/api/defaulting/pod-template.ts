import type { PodSpec, PodTemplateSpec } from "../kinds.ts";
import { setDefaults, visitPodSpecDefaults } from "./pod-spec-defaults.ts";

/** The defaults of a pod template, in place. */
export function applyPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (template?.spec !== undefined) applyPodSpecDefaults(template.spec);
}

export function applyPodSpecDefaults(spec: PodSpec): void {
  visitPodSpecDefaults(spec, setDefaults);
  // `serviceAccount` is the deprecated name of `serviceAccountName`; upstream keeps both alike.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
}

/** What upstream sets on Pods but not on templates. */
export function applyPodDefaults(spec: PodSpec): void {
  applyPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const { limits, requests } = container.resources ?? {};
    if (limits === undefined) continue;
    container.resources = { ...container.resources, requests: { ...limits, ...requests } };
  }
}
