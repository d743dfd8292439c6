import { hostname, networkInterfaces } from "node:os";

/** Names and addresses under which a node's API is reached: for its certificate. */
export function serverNames(options: {
  readonly nodeName: string;
  readonly clusterDomain: string;
  /** The address of the `kubernetes` service. */
  readonly serviceAddress: string;
  /** What the user says that clients see, such as the advertised address. */
  readonly extra?: readonly string[];
}): string[] {
  const { nodeName, clusterDomain, serviceAddress, extra = [] } = options;
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  const names = [
    nodeName,
    hostname(),
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    `kubernetes.default.svc.${clusterDomain}`,
    "127.0.0.1",
    "::1",
    serviceAddress,
    // Link-local addresses come and go, and have a scope that a certificate cannot hold.
    ...addresses.filter((address) => !address.startsWith("fe80:")),
    ...extra,
  ];
  return [...new Set(names)];
}
