import type { Key } from "../../store/port.ts";

/*
 * None of these is served by the API, and none is in a backup. What people make is of `podman-swarm.io`, what members
 * know of each other is of `podman-swarm.internal`.
 */
export const DENIED_NODES = "deniednodes.podman-swarm.io";
/** Who is of the cluster, living or not. */
export const CLUSTER_MEMBERS = "clustermembers.podman-swarm.internal";
/** Tells which key the gossip has. */
export const CURRENT_GOSSIP_KEY: Key = {
  resource: "gossipkeys.podman-swarm.internal",
  namespace: "",
  name: "current",
};
const API_TOKENS = "apitokens.podman-swarm.io";

/** Trust's own objects. */
const TRUST: ReadonlySet<string> = new Set([
  "jointokens.podman-swarm.io",
  DENIED_NODES,
  API_TOKENS,
  CLUSTER_MEMBERS,
  CURRENT_GOSSIP_KEY.resource,
]);

/** Each node has a first API token of its own under one name, which its flags or its file say. */
const FIRST_TOKEN = "admin";

/**
 * Whether objects of this resource say who is trusted. A backup has none of them: one from before would bring back
 * revoked tokens, and removed nodes.
 */
export function isTrust(resource: string): boolean {
  return TRUST.has(resource);
}

/** Whether all members have what is under this key. The rest is this node's alone, until each object has a home among the nodes. */
export function isReplicated({ resource, name }: Key): boolean {
  return isTrust(resource) && !(resource === API_TOKENS && name === FIRST_TOKEN);
}
