import { required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import { definitionOf } from "../schema.ts";
import type { SchemaType } from "../schema.ts";

/** Fields that OpenAPI calls required and that upstream takes as empty when they are left out. */
const OPTIONAL = new Set([
  "core.v1.ConfigMapKeySelector.name",
  "core.v1.PodTemplateSpec.spec",
  "rbac.v1.Role.rules",
  "rbac.v1.ClusterRole.rules",
  "rbac.v1.ClusterRoleBinding.subjects",
  "apps.v1.ControllerRevision.revision",
  "scheduling.v1.PriorityClass.value",
  "discovery.v1.EndpointSlice.endpoints",
  "networking.v1.NetworkPolicySpec.podSelector",
  "core.v1.Event.metadata",
  "core.v1.Probe.handler",
  "batch.v1.PodFailurePolicyOnPodConditionsPattern.status",
  "storage.v1.CSINode.spec",
  "core.v1.GRPCAction.port",
  "core.v1.Taint.effect",
]);

/** `field: Required value` for everything that the schema requires and that is not there, outside of `status`. */
export function requiredErrors(schema: string, object: unknown): FieldError[] {
  const errors: FieldError[] = [];
  visit({ object: schema }, object, { field: "", errors });
  return errors;
}

interface Step {
  readonly field: string;
  readonly errors: FieldError[];
}

function visit(type: SchemaType, value: unknown, { field, errors }: Step): void {
  if (value === undefined || value === null) return;
  if ("list" in type) {
    if (!Array.isArray(value) || "primitive" in type.list) return;
    for (const [index, item] of value.entries()) visit(type.list, item, { field: `${field}[${index}]`, errors });
  } else if ("map" in type) {
    if ("primitive" in type.map) return;
    for (const [key, item] of Object.entries(value)) visit(type.map, item, { field: `${field}[${key}]`, errors });
  } else if ("object" in type) {
    const { name, required: names, fields } = definitionOf(type.object);
    const object = value as Record<string, unknown>;
    const prefix = field === "" ? "" : `${field}.`;
    for (const missing of names) {
      if (object[missing] === undefined && !OPTIONAL.has(`${name}.${missing}`)) errors.push(required(prefix + missing));
    }
    for (const [key, inner] of fields) {
      if ("primitive" in inner || (field === "" && (key === "metadata" || key === "status"))) continue;
      visit(inner, object[key], { field: prefix + key, errors });
    }
  }
}
