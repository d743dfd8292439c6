import { controllerRevision } from "./kinds/apps/controller-revision.ts";
import { daemonSet } from "./kinds/apps/daemon-set.ts";
import { deployment } from "./kinds/apps/deployment.ts";
import { replicaSet } from "./kinds/apps/replica-set.ts";
import { statefulSet } from "./kinds/apps/stateful-set.ts";
import { horizontalPodAutoscaler } from "./kinds/autoscaling/horizontal-pod-autoscaler.ts";
import { cronJob } from "./kinds/batch/cron-job.ts";
import { job } from "./kinds/batch/job.ts";
import { lease } from "./kinds/coordination/lease.ts";
import { configMap } from "./kinds/core/config-map.ts";
import { endpoints } from "./kinds/core/endpoints.ts";
import { event } from "./kinds/core/event.ts";
import { limitRange } from "./kinds/core/limit-range.ts";
import { namespace } from "./kinds/core/namespace.ts";
import { node } from "./kinds/core/node.ts";
import { persistentVolumeClaim } from "./kinds/core/persistent-volume-claim.ts";
import { persistentVolume } from "./kinds/core/persistent-volume.ts";
import { podTemplate } from "./kinds/core/pod-template.ts";
import { pod } from "./kinds/core/pod.ts";
import { replicationController } from "./kinds/core/replication-controller.ts";
import { resourceQuota } from "./kinds/core/resource-quota.ts";
import { secret } from "./kinds/core/secret.ts";
import { serviceAccount } from "./kinds/core/service-account.ts";
import { service } from "./kinds/core/service.ts";
import { endpointSlice } from "./kinds/discovery/endpoint-slice.ts";
import { ingressClass } from "./kinds/networking/ingress-class.ts";
import { ingress } from "./kinds/networking/ingress.ts";
import { ipAddress } from "./kinds/networking/ip-address.ts";
import { networkPolicy } from "./kinds/networking/network-policy.ts";
import { serviceCIDR } from "./kinds/networking/service-cidr.ts";
import { podDisruptionBudget } from "./kinds/policy/pod-disruption-budget.ts";
import { clusterRoleBinding } from "./kinds/rbac/cluster-role-binding.ts";
import { clusterRole } from "./kinds/rbac/cluster-role.ts";
import { roleBinding } from "./kinds/rbac/role-binding.ts";
import { role } from "./kinds/rbac/role.ts";
import { priorityClass } from "./kinds/scheduling/priority-class.ts";
import { csiDriver } from "./kinds/storage/csi-driver.ts";
import { csiNode } from "./kinds/storage/csi-node.ts";
import { csiStorageCapacity } from "./kinds/storage/csi-storage-capacity.ts";
import { storageClass } from "./kinds/storage/storage-class.ts";
import { volumeAttachment } from "./kinds/storage/volume-attachment.ts";
import { volumeAttributesClass } from "./kinds/storage/volume-attributes-class.ts";
import type { KindDeclaration, ServedVersion } from "./kind.ts";
import type { KindName } from "./kinds.ts";

/** Every built-in kind, in the order in which discovery names them. A new kind is a file of its own and a line here. */
export const declarations: readonly KindDeclaration[] = [
  namespace as unknown as KindDeclaration,
  node as unknown as KindDeclaration,
  pod as unknown as KindDeclaration,
  event as unknown as KindDeclaration,
  configMap as unknown as KindDeclaration,
  secret as unknown as KindDeclaration,
  serviceAccount as unknown as KindDeclaration,
  service as unknown as KindDeclaration,
  endpoints as unknown as KindDeclaration,
  replicationController as unknown as KindDeclaration,
  podTemplate as unknown as KindDeclaration,
  limitRange as unknown as KindDeclaration,
  resourceQuota as unknown as KindDeclaration,
  persistentVolume as unknown as KindDeclaration,
  persistentVolumeClaim as unknown as KindDeclaration,
  deployment as unknown as KindDeclaration,
  replicaSet as unknown as KindDeclaration,
  statefulSet as unknown as KindDeclaration,
  daemonSet as unknown as KindDeclaration,
  controllerRevision as unknown as KindDeclaration,
  job as unknown as KindDeclaration,
  cronJob as unknown as KindDeclaration,
  horizontalPodAutoscaler as unknown as KindDeclaration,
  ingress as unknown as KindDeclaration,
  ingressClass as unknown as KindDeclaration,
  networkPolicy as unknown as KindDeclaration,
  ipAddress as unknown as KindDeclaration,
  serviceCIDR as unknown as KindDeclaration,
  podDisruptionBudget as unknown as KindDeclaration,
  role as unknown as KindDeclaration,
  roleBinding as unknown as KindDeclaration,
  clusterRole as unknown as KindDeclaration,
  clusterRoleBinding as unknown as KindDeclaration,
  priorityClass as unknown as KindDeclaration,
  storageClass as unknown as KindDeclaration,
  volumeAttachment as unknown as KindDeclaration,
  csiDriver as unknown as KindDeclaration,
  csiNode as unknown as KindDeclaration,
  csiStorageCapacity as unknown as KindDeclaration,
  volumeAttributesClass as unknown as KindDeclaration,
  endpointSlice as unknown as KindDeclaration,
  lease as unknown as KindDeclaration,
];

/** A kind as one of its versions serves it. */
export interface Served {
  readonly declaration: KindDeclaration;
  readonly version: ServedVersion;
}

/** A group with its versions, the preferred one first. */
export interface Group {
  /** "" is core. */
  readonly name: string;
  readonly versions: readonly string[];
}

const byKind = new Map<string, Served>();
const byPlural = new Map<string, Served>();
const byName = new Map<string, KindDeclaration>();
const byResource = new Map<string, KindDeclaration>();
const byApiVersion = new Map<string, Served[]>();
const groupVersions = new Map<string, string[]>();

for (const declaration of declarations) {
  byName.set(declaration.kind, declaration);
  byResource.set(declaration.resource, declaration);
  for (const version of declaration.versions) {
    const served = { declaration, version };
    byKind.set(`${version.apiVersion} ${declaration.kind}`, served);
    byPlural.set(`${version.apiVersion} ${declaration.plural}`, served);
    const list = byApiVersion.get(version.apiVersion) ?? [];
    list.push(served);
    byApiVersion.set(version.apiVersion, list);
    const known = groupVersions.get(version.group) ?? [];
    if (!known.includes(version.version)) known.push(version.version);
    groupVersions.set(version.group, known);
  }
}

/** All groups, core first, in discovery's order. */
export const groups: readonly Group[] = [...groupVersions].map(([name, versions]) => ({ name, versions }));

/** By `apiVersion` and `kind`, as they stand in an object. */
export function servedKind(apiVersion: string, kind: string): Served | undefined {
  return byKind.get(`${apiVersion} ${kind}`);
}

/** By `apiVersion` and plural, as they stand in a path. */
export function servedResource(apiVersion: string, plural: string): Served | undefined {
  return byPlural.get(`${apiVersion} ${plural}`);
}

/** All kinds of one `apiVersion`. */
export function servedBy(apiVersion: string): readonly Served[] {
  return byApiVersion.get(apiVersion) ?? [];
}

export function declarationOf(kind: KindName): KindDeclaration {
  const declaration = byName.get(kind);
  if (declaration === undefined) throw new Error(`Cannot find the declaration of ${kind}: it is not in the catalog`);
  return declaration;
}

/** By storage resource, `plural` or `plural.group`. */
export function declarationOfResource(resource: string): KindDeclaration | undefined {
  return byResource.get(resource);
}
