import { forbidden, invalid, required, tooLong } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { KindDeclaration } from "../kind.ts";
import type { KubeObject, OwnerReference } from "../kinds.ts";
import { dnsLabelProblems, labelValueProblems, qualifiedNameProblems } from "./names.ts";

/** All annotations together (apimachinery `TotalAnnotationSizeLimitB`). */
const ANNOTATIONS_LIMIT = 256 * 1024;

type StringMap = Readonly<Record<string, string>> | undefined;

/** `metadata` as every kind must have it, when an object is created or changed. */
export function metadataErrors(declaration: KindDeclaration, { metadata }: KubeObject): FieldError[] {
  const { name, generateName, namespace, labels, annotations, ownerReferences, finalizers } = metadata;
  const errors: FieldError[] = [];
  if (generateName) {
    // A generated name gets a suffix, so the prefix may end in a dash.
    const whole = generateName.endsWith("-") ? `${generateName.slice(0, -1)}a` : generateName;
    errors.push(
      ...declaration.validateName(whole).map((problem) => invalid("metadata.generateName", generateName, problem)),
    );
  }
  if (!name) errors.push(required("metadata.name", "name or generateName is required"));
  else errors.push(...declaration.validateName(name).map((problem) => invalid("metadata.name", name, problem)));
  if (declaration.namespaced) {
    if (!namespace) errors.push(required("metadata.namespace"));
    else
      errors.push(...dnsLabelProblems(namespace).map((problem) => invalid("metadata.namespace", namespace, problem)));
  } else if (namespace) errors.push(forbidden("metadata.namespace", "not allowed on this type"));
  return [
    ...errors,
    ...labelErrors(labels, "metadata.labels"),
    ...annotationErrors(annotations, "metadata.annotations"),
    ...ownerErrors(ownerReferences ?? []),
    ...(finalizers ?? []).flatMap((finalizer, index) => finalizerErrors(finalizer, `metadata.finalizers[${index}]`)),
  ];
}

/** What an update must not change in `metadata`. */
export function metadataUpdateErrors(next: KubeObject, previous: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"] as const) {
    const value = next.metadata[field];
    // What the client leaves out, the server fills in from the stored object.
    if (value !== undefined && value !== previous.metadata[field] && previous.metadata[field] !== undefined) {
      errors.push(invalid(`metadata.${field}`, value, "field is immutable"));
    }
  }
  const had = previous.metadata.finalizers ?? [];
  const added = (next.metadata.finalizers ?? []).filter((finalizer) => !had.includes(finalizer));
  if (previous.metadata.deletionTimestamp !== undefined && added.length > 0) {
    const detail = `no new finalizers can be added if the object is being deleted, found new finalizers [${added
      .map((finalizer) => JSON.stringify(finalizer))
      .join(", ")}]`;
    errors.push(forbidden("metadata.finalizers", detail));
  }
  return errors;
}

export function labelErrors(labels: StringMap, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...qualifiedNameProblems(key).map((problem) => invalid(field, key, problem)),
    ...labelValueProblems(value).map((problem) => invalid(field, value, problem)),
  ]);
}

export function annotationErrors(annotations: StringMap, field: string): FieldError[] {
  let size = 0;
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    errors.push(...qualifiedNameProblems(key.toLowerCase()).map((problem) => invalid(field, key, problem)));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return size > ANNOTATIONS_LIMIT ? [...errors, tooLong(field, ANNOTATIONS_LIMIT)] : errors;
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  const controllers = owners.filter(({ controller }) => controller === true);
  if (controllers.length > 1) {
    const [first, second] = controllers;
    const both = `${describeOwner(first)} and ${describeOwner(second)}`;
    errors.push(
      invalid(
        "metadata.ownerReferences",
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${both}`,
      ),
    );
  }
  for (const owner of owners) {
    const field = "metadata.ownerReferences";
    if (owner.apiVersion === "" || owner.apiVersion === undefined) {
      errors.push(invalid(`${field}.apiVersion`, owner.apiVersion, "version must not be empty"));
    }
    if (!owner.kind) errors.push(invalid(`${field}.kind`, "", "must not be empty"));
    if (!owner.name) errors.push(invalid(`${field}.name`, "", "must not be empty"));
    if (!owner.uid) errors.push(invalid(`${field}.uid`, "", "must not be empty"));
  }
  return errors;
}

function describeOwner(owner: OwnerReference | undefined): string {
  return `${owner?.kind ?? ""}/${owner?.name ?? ""}`;
}

function finalizerErrors(finalizer: string, field: string): FieldError[] {
  const errors = qualifiedNameProblems(finalizer).map((problem) => invalid(field, finalizer, problem));
  const standard = ["kubernetes", "orphan", "foregroundDeletion"];
  if (errors.length === 0 && !finalizer.includes("/") && !standard.includes(finalizer)) {
    errors.push(invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified"));
  }
  return errors;
}
