import type { X509Certificate } from "node:crypto";
import { BACKDATE_MS, type CertificateOrder } from "./cluster-authority.ts";

/** Renewed long before; short enough that a stolen one ends by itself. */
export const NODE_DAYS = 90;
const SCHEME = "podman-swarm://";
const IDENTITY =
  /^podman-swarm:\/\/([0-9a-f]{32})\/node\/([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)(?:\?since=(\d{1,15}))?$/;

/** Who a node's certificate says that it is. */
export interface NodeName {
  readonly clusterId: string;
  readonly nodeName: string;
}

export interface NodeCertificate extends NodeName {
  /**
   * When the node was let in, in milliseconds since the epoch: certificates that it makes for itself later say the same,
   * so that they do not outlive its removal.
   */
  readonly memberSince: number;
  readonly notAfter: number;
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export function isNodeName(text: string): boolean {
  return text.length <= 253 && NAME.test(text);
}

/** Kubernetes' name for a node as a user of the API. */
export function nodeUser(nodeName: string): string {
  return `system:node:${nodeName}`;
}

export function nodeUri({ clusterId, nodeName }: NodeName): string {
  return `${SCHEME}${clusterId}/node/${nodeName}`;
}

/** What a node's certificate holds: it is server and client to other agents. `since`: by default, from now on. */
export function nodeOrder(
  name: NodeName,
  addresses: readonly string[] = [],
  { since }: { readonly since?: number | undefined } = {},
): CertificateOrder {
  const uri = `${nodeUri(name)}${since === undefined ? "" : `?since=${since}`}`;
  return {
    usage: "node",
    commonName: nodeUser(name.nodeName),
    organizations: ["system:nodes"],
    altNames: [uri, name.nodeName, ...addresses],
    days: NODE_DAYS,
  };
}

/** Undefined for a certificate that is no node's. Says nothing about who signed it. */
export function readNodeCertificate(certificate: X509Certificate): NodeCertificate | undefined {
  const names = (certificate.subjectAltName ?? "").split(", ");
  const own = names.filter((name) => name.startsWith(`URI:${SCHEME}`));
  const match = own.length === 1 ? IDENTITY.exec(own[0]?.slice("URI:".length) ?? "") : null;
  const [, clusterId, nodeName, since] = match ?? [];
  if (clusterId === undefined || nodeName === undefined) return undefined;
  const memberSince = since === undefined ? certificate.validFromDate.getTime() + BACKDATE_MS : Number(since);
  return { clusterId, nodeName, memberSince, notAfter: certificate.validToDate.getTime() };
}
