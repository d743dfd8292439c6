import { duplicate, invalid, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Container, PodSpec } from "../kinds.ts";

/** Segments of a sysctl's name, joined by dots or slashes (upstream's `SysctlContainSlashFmt`). */
const SYSCTL_FORMAT = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
const SYSCTL = new RegExp(SYSCTL_FORMAT);
const SYSCTL_LONGEST = 253;
const MAX_ID = 2 ** 31 - 1;

export function podSecurityErrors({ securityContext = {} }: PodSpec, field: string): FieldError[] {
  const { runAsUser, runAsGroup, fsGroup, supplementalGroups = [], sysctls = [] } = securityContext;
  const names = sysctls.map(({ name }) => name);
  return [
    ...idErrors(runAsUser, `${field}.runAsUser`),
    ...idErrors(runAsGroup, `${field}.runAsGroup`),
    ...idErrors(fsGroup, `${field}.fsGroup`),
    ...supplementalGroups.flatMap((group, index) => idErrors(group, `${field}.supplementalGroups[${index}]`)),
    ...names.flatMap((name, index) => {
      const place = `${field}.sysctls[${index}].name`;
      if (!name) return [required(place)];
      if (name.length > SYSCTL_LONGEST || !SYSCTL.test(name)) {
        return [
          invalid(place, name, `must have at most ${SYSCTL_LONGEST} characters and match regex ${SYSCTL_FORMAT}`),
        ];
      }
      return names.indexOf(name) < index ? [duplicate(place, name)] : [];
    }),
  ];
}

export function containerSecurityErrors({ securityContext }: Container, field: string): FieldError[] {
  return [
    ...idErrors(securityContext?.runAsUser, `${field}.runAsUser`),
    ...idErrors(securityContext?.runAsGroup, `${field}.runAsGroup`),
  ];
}

function idErrors(id: number | undefined, field: string): FieldError[] {
  return id !== undefined && (id < 0 || id > MAX_ID)
    ? [invalid(field, id, `must be between 0 and ${MAX_ID}, inclusive`)]
    : [];
}
