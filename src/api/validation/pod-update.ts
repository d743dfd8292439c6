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
  const deadline = deadlineErrors(next.spec, previous.spec);
  const removed = (previous.spec.tolerations ?? []).filter(
    (old) => !(next.spec?.tolerations ?? []).some((toleration) => isDeepStrictEqual(toleration, old)),
  );
  if (removed.length > 0) {
    return [
      ...deadline,
      forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"),
    ];
  }
  if (isDeepStrictEqual(fixed(next.spec), fixed(previous.spec))) return deadline;
  return [...deadline, forbidden("spec", `pod updates may not change fields other than ${UPDATABLE.join(",")}`)];
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
  const { activeDeadlineSeconds: _deadline, tolerations: _tolerations, terminationGracePeriodSeconds, ...rest } = spec;
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
