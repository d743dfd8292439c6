import type { Service } from "../../api/kinds.ts";
import type { AdmissionRequest, AdmissionStep } from "./admission.ts";

/** Tells whoever makes a service with node ports that nodes without root do not open them on the host. */
export class NodePortWarning implements AdmissionStep {
  readonly name = "NodePortWarning";

  check({ kind, operation, object, previous, context }: AdmissionRequest): void {
    if (kind.kind !== "Service" || operation === "delete") return;
    const type = typeOf(object);
    if (!hasNodePorts(type) || hasNodePorts(previous && typeOf(previous))) return;
    context.warn?.(`spec.type: ${type}: this node runs without root and does not open node ports on the host yet`);
  }
}

function typeOf(object: AdmissionRequest["object"]): string | undefined {
  return (object as unknown as Service).spec?.type;
}

function hasNodePorts(type: string | undefined): boolean {
  return type === "NodePort" || type === "LoadBalancer";
}
