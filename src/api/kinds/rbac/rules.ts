import { AGE, NAME, ageCell, column, wideColumn } from "../../columns.ts";
import { invalid, notSupported, required } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { Cell, Column, RowContext } from "../../kind.ts";
import type { Role, RoleBinding } from "../../kinds.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export function ruleErrors({ rules }: Pick<Role, "rules">): FieldError[] {
  return (rules ?? []).flatMap((rule, index) => {
    const field = `rules[${index}]`;
    const errors: FieldError[] = [];
    if ((rule.verbs ?? []).length === 0)
      errors.push(required(`${field}.verbs`, "verbs must contain at least one value"));
    const paths = rule.nonResourceURLs ?? [];
    if (paths.length > 0) {
      const named = [rule.apiGroups, rule.resources, rule.resourceNames].some((list) => (list ?? []).length > 0);
      if (named) {
        errors.push(
          invalid(
            `${field}.nonResourceURLs`,
            paths,
            "rules cannot apply to both regular resources and non-resource URLs",
          ),
        );
      }
      return errors;
    }
    if ((rule.apiGroups ?? []).length === 0) {
      errors.push(required(`${field}.apiGroups`, "resource rules must supply at least one api group"));
    }
    if ((rule.resources ?? []).length === 0) {
      errors.push(required(`${field}.resources`, "resource rules must supply at least one resource"));
    }
    return errors;
  });
}

export function applyBindingDefaults({ roleRef, subjects }: Pick<RoleBinding, "roleRef" | "subjects">): void {
  if (roleRef !== undefined) roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of subjects ?? []) {
    if (subject.kind === "User" || subject.kind === "Group") subject.apiGroup ||= RBAC_GROUP;
  }
}

export function bindingErrors(
  binding: Pick<RoleBinding, "roleRef" | "subjects">,
  kinds: readonly string[],
): FieldError[] {
  const { roleRef, subjects } = binding;
  const errors: FieldError[] = [];
  if (roleRef !== undefined) {
    if (roleRef.apiGroup !== RBAC_GROUP) errors.push(notSupported("roleRef.apiGroup", roleRef.apiGroup, [RBAC_GROUP]));
    if (!kinds.includes(roleRef.kind)) errors.push(notSupported("roleRef.kind", roleRef.kind, kinds));
    if (!roleRef.name) errors.push(required("roleRef.name"));
  }
  for (const [index, { kind, name, namespace }] of (subjects ?? []).entries()) {
    const field = `subjects[${index}]`;
    if (!name) errors.push(required(`${field}.name`));
    if (kind === "ServiceAccount" && !namespace) errors.push(required(`${field}.namespace`));
    if (!["ServiceAccount", "User", "Group"].includes(kind)) {
      errors.push(notSupported(`${field}.kind`, kind, ["Group", "ServiceAccount", "User"]));
    }
  }
  return errors;
}

export function bindingUpdateErrors(
  next: Pick<RoleBinding, "roleRef">,
  previous: Pick<RoleBinding, "roleRef">,
): FieldError[] {
  const same = (["apiGroup", "kind", "name"] as const).every(
    (field) => next.roleRef?.[field] === previous.roleRef?.[field],
  );
  return same ? [] : [invalid("roleRef", next.roleRef, "cannot change roleRef")];
}

export const bindingColumns: readonly Column[] = [
  NAME,
  column("Role", "The role that is given."),
  AGE,
  wideColumn("Users", "The users that get it."),
  wideColumn("Groups", "The groups that get it."),
  wideColumn("ServiceAccounts", "The service accounts that get it."),
];

export function bindingRow(binding: RoleBinding, context: RowContext): Cell[] {
  const { metadata, roleRef, subjects } = binding;
  const named = (kind: string): string =>
    (subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
      .join(", ");
  return [
    metadata?.name ?? "",
    `${roleRef?.kind ?? ""}/${roleRef?.name ?? ""}`,
    ageCell(binding, context),
    named("User"),
    named("Group"),
    named("ServiceAccount"),
  ];
}

export const roleColumns: readonly Column[] = [NAME, column("Created At", "When it was created.")];

export function roleRow({ metadata }: Pick<Role, "metadata">): Cell[] {
  return [metadata?.name ?? "", metadata?.creationTimestamp ?? ""];
}
