import { isDeepStrictEqual } from "node:util";
import { forbidden, invalid } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Pod, PodSpec, Container } from "../kinds.ts";

const UPDATABLE = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
];

/** A pod's spec is fixed but for a few fields (upstream's `ValidatePodUpdate`). */
export function podUpdateErrors(next: Pod, previous: Pod): FieldError[] {
  if (next.spec === undefined || previous.spec === undefined) return [];
  const deadline = [...deadlineErrors(next.spec, previous.spec), ...gateErrors(next.spec, previous.spec)];
  const removed = (previous.spec.tolerations ?? []).filter(
    (old) => !(next.spec?.tolerations ?? []).some((toleration) => isDeepStrictEqual(toleration, old)),
  );
  if (removed.length > 0) {
    return [
      ...deadline,
      forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"),
    ];
  }
  if (isDeepStrictEqual(fixed(next.spec), fixed(withNarrowedNodes(previous.spec, next.spec)))) return deadline;
  return [...deadline, forbidden("spec", `pod updates may not change fields other than ${UPDATABLE.join(",")}`)];
}

/** Gates are taken away by those who set them; a pod that is past them is not held up again. */
function gateErrors({ schedulingGates: next = [] }: PodSpec, { schedulingGates: old = [] }: PodSpec): FieldError[] {
  return next
    .filter(({ name }) => !old.some((gate) => gate.name === name))
    .map(({ name }) =>
      forbidden("spec.schedulingGates", `only deletion is allowed, but found new scheduling gate '${name}'`),
    );
}

/** A gated pod's node selector may be made narrower (KEP-3838): such labels count as if they had always been there. */
function withNarrowedNodes(previous: PodSpec, { nodeSelector = {} }: PodSpec): PodSpec {
  if ((previous.schedulingGates ?? []).length === 0 || Object.keys(nodeSelector).length === 0) return previous;
  return { ...previous, nodeSelector: { ...nodeSelector, ...previous.nodeSelector } };
}

function deadlineErrors(
  { activeDeadlineSeconds: next }: PodSpec,
  { activeDeadlineSeconds: old }: PodSpec,
): FieldError[] {
  const field = "spec.activeDeadlineSeconds";
  if (old === undefined || old === next) return [];
  if (next === undefined) return [invalid(field, null, "must not update from a positive integer to nil value")];
  return next > old ? [invalid(field, next, "must be less than or equal to previous value")] : [];
}

/** The spec without what may change. Binding sets the node's name by its own path, so here it is fixed too. */
function fixed(spec: PodSpec): object {
  const withoutImage = ({ image: _image, ...rest }: Container): object => rest;
  const {
    activeDeadlineSeconds: _deadline,
    tolerations: _tolerations,
    schedulingGates: _gates,
    terminationGracePeriodSeconds,
    ...rest
  } = spec;
  return {
    ...rest,
    grace:
      terminationGracePeriodSeconds === undefined || terminationGracePeriodSeconds < 0
        ? 1
        : terminationGracePeriodSeconds,
    containers: (spec.containers ?? []).map(withoutImage),
    initContainers: (spec.initContainers ?? []).map(withoutImage),
  };
}
