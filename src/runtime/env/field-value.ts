import type { Container, Pod } from "../../api/kinds.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { configError } from "../pod/pod-error.ts";

/** What a pod can be told about where it runs. */
export interface Placement {
  readonly nodeName: string;
  readonly hostIp: string;
  readonly podIp: string;
  /** Cores and bytes: what a missing limit means. */
  readonly allocatable: { readonly cpu: number; readonly memory: number; readonly ephemeralStorage: number };
}

const KEYED = /^metadata\.(labels|annotations)\['(.+)'\]$/;

/** A `fieldRef`'s value; empty where the field is not set. */
export function fieldValue(path: string, pod: Pod, placement: Placement): string {
  const metadata = pod.metadata ?? {};
  const keyed = KEYED.exec(path);
  if (keyed) return metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  switch (path) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels ?? {});
    case "metadata.annotations":
      return formatMap(metadata.annotations ?? {});
    case "spec.nodeName":
      return placement.nodeName;
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? "";
    case "status.hostIP":
    case "status.hostIPs":
      return placement.hostIp;
    case "status.podIP":
    case "status.podIPs":
      return placement.podIp;
    default:
      throw configError(`unsupported fieldPath: ${path}`);
  }
}

/** One line a key, quoted as Go's `%q` does, ordered: the form of downward API files. */
function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

/** A `resourceFieldRef`'s value in units of its divisor, rounded up. */
export function resourceValue(
  { resource, divisor }: { readonly resource: string; readonly divisor?: string | undefined },
  container: Container,
  placement: Placement,
): string {
  const [side, name] = split(resource);
  const own = container.resources?.[side]?.[name];
  const value = own === undefined ? fallback(side, name, placement) : (parseQuantity(own) ?? 0);
  const unit = divisor === undefined || divisor === "0" ? 1 : (parseQuantity(divisor) ?? 1);
  return String(Math.ceil(Number((value / unit).toPrecision(12))));
}

function split(resource: string): ["limits" | "requests", string] {
  const dot = resource.indexOf(".");
  const side = resource.slice(0, dot);
  if (side !== "limits" && side !== "requests") throw configError(`unsupported container resource: ${resource}`);
  return [side, resource.slice(dot + 1)];
}

function fallback(side: "limits" | "requests", name: string, { allocatable }: Placement): number {
  if (side === "requests") return 0;
  if (name === "cpu") return allocatable.cpu;
  if (name === "memory") return allocatable.memory;
  return name === "ephemeral-storage" ? allocatable.ephemeralStorage : 0;
}
