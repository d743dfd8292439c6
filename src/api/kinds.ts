import type * as models from "@kubernetes/client-node";
import type { Wire } from "./wire.ts";

/** Every built-in kind, with its storage version's shape. The key is the kind's name; no two groups share one here. */
export interface Kinds {
  Event: Wire<models.CoreV1Event>;
  Namespace: Wire<models.V1Namespace>;
  Node: Wire<models.V1Node>;
  Pod: Wire<models.V1Pod>;
  ConfigMap: Wire<models.V1ConfigMap>;
  Secret: Wire<models.V1Secret>;
  ServiceAccount: Wire<models.V1ServiceAccount>;
  Service: Wire<models.V1Service>;
  Endpoints: Wire<models.V1Endpoints>;
  EndpointSlice: Wire<models.V1EndpointSlice>;
  Lease: Wire<models.V1Lease>;
  Deployment: Wire<models.V1Deployment>;
  ReplicaSet: Wire<models.V1ReplicaSet>;
  ReplicationController: Wire<models.V1ReplicationController>;
  ControllerRevision: Wire<models.V1ControllerRevision>;
  Ingress: Wire<models.V1Ingress>;
  IngressClass: Wire<models.V1IngressClass>;
  StatefulSet: Wire<models.V1StatefulSet>;
  DaemonSet: Wire<models.V1DaemonSet>;
  Job: Wire<models.V1Job>;
  CronJob: Wire<models.V1CronJob>;
  HorizontalPodAutoscaler: Wire<models.V2HorizontalPodAutoscaler>;
  NetworkPolicy: Wire<models.V1NetworkPolicy>;
  PodDisruptionBudget: Wire<models.V1PodDisruptionBudget>;
  Role: Wire<models.V1Role>;
  RoleBinding: Wire<models.V1RoleBinding>;
  ClusterRole: Wire<models.V1ClusterRole>;
  ClusterRoleBinding: Wire<models.V1ClusterRoleBinding>;
  PriorityClass: Wire<models.V1PriorityClass>;
  StorageClass: Wire<models.V1StorageClass>;
  PersistentVolume: Wire<models.V1PersistentVolume>;
  PersistentVolumeClaim: Wire<models.V1PersistentVolumeClaim>;
  VolumeAttachment: Wire<models.V1VolumeAttachment>;
  CSIDriver: Wire<models.V1CSIDriver>;
  CSINode: Wire<models.V1CSINode>;
  LimitRange: Wire<models.V1LimitRange>;
  ResourceQuota: Wire<models.V1ResourceQuota>;
  PodTemplate: Wire<models.V1PodTemplate>;
  IPAddress: Wire<models.V1IPAddress>;
  ServiceCIDR: Wire<models.V1ServiceCIDR>;
}

export type KindName = keyof Kinds;

export type Event = Kinds["Event"];
export type Namespace = Kinds["Namespace"];
export type Node = Kinds["Node"];
export type Pod = Kinds["Pod"];
export type ConfigMap = Kinds["ConfigMap"];
export type Secret = Kinds["Secret"];
export type ServiceAccount = Kinds["ServiceAccount"];
export type Service = Kinds["Service"];
export type Endpoints = Kinds["Endpoints"];
export type EndpointSlice = Kinds["EndpointSlice"];
export type Lease = Kinds["Lease"];
export type Deployment = Kinds["Deployment"];
export type ReplicaSet = Kinds["ReplicaSet"];
export type ReplicationController = Kinds["ReplicationController"];
export type ControllerRevision = Kinds["ControllerRevision"];
export type Ingress = Kinds["Ingress"];
export type IngressClass = Kinds["IngressClass"];
export type StatefulSet = Kinds["StatefulSet"];
export type DaemonSet = Kinds["DaemonSet"];
export type Job = Kinds["Job"];
export type CronJob = Kinds["CronJob"];
export type HorizontalPodAutoscaler = Kinds["HorizontalPodAutoscaler"];
export type NetworkPolicy = Kinds["NetworkPolicy"];
export type PodDisruptionBudget = Kinds["PodDisruptionBudget"];
export type Role = Kinds["Role"];
export type RoleBinding = Kinds["RoleBinding"];
export type ClusterRole = Kinds["ClusterRole"];
export type ClusterRoleBinding = Kinds["ClusterRoleBinding"];
export type PriorityClass = Kinds["PriorityClass"];
export type StorageClass = Kinds["StorageClass"];
export type PersistentVolume = Kinds["PersistentVolume"];
export type PersistentVolumeClaim = Kinds["PersistentVolumeClaim"];
export type VolumeAttachment = Kinds["VolumeAttachment"];
export type CSIDriver = Kinds["CSIDriver"];
export type CSINode = Kinds["CSINode"];
export type LimitRange = Kinds["LimitRange"];
export type ResourceQuota = Kinds["ResourceQuota"];
export type PodTemplate = Kinds["PodTemplate"];
export type IPAddress = Kinds["IPAddress"];
export type ServiceCIDR = Kinds["ServiceCIDR"];

export type ObjectMeta = Wire<models.V1ObjectMeta>;
export type OwnerReference = Wire<models.V1OwnerReference>;
export type LabelSelector = Wire<models.V1LabelSelector>;
export type PodSpec = Wire<models.V1PodSpec>;
export type PodTemplateSpec = Wire<models.V1PodTemplateSpec>;
export type PodStatus = Wire<models.V1PodStatus>;
export type PodCondition = Wire<models.V1PodCondition>;
export type Container = Wire<models.V1Container>;
export type ContainerStatus = Wire<models.V1ContainerStatus>;
export type ContainerState = Wire<models.V1ContainerState>;
export type Probe = Wire<models.V1Probe>;
export type Volume = Wire<models.V1Volume>;
export type VolumeMount = Wire<models.V1VolumeMount>;
export type EnvVar = Wire<models.V1EnvVar>;
export type ServicePort = Wire<models.V1ServicePort>;
export type Endpoint = Wire<models.V1Endpoint>;
export type Status = Wire<models.V1Status>;
export type StatusCause = Wire<models.V1StatusCause>;

/** What every stored object has, whatever its kind. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  [field: string]: unknown;
}
