import type { Key } from "../../store/port.ts";

/*
 * None of these is served by the API. What people make is of `podman-swarm.io`, and goes along when a state is exported;
 * what members know of each other is of `podman-swarm.internal`, and belongs to this very cluster.
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

/** Trust's own objects. Other kinds stay on their nodes until each object has a home among the nodes. */
const REPLICATED: ReadonlySet<string> = new Set([
  "jointokens.podman-swarm.io",
  DENIED_NODES,
  API_TOKENS,
  CLUSTER_MEMBERS,
  CURRENT_GOSSIP_KEY.resource,
]);

/** Each node has a first API token of its own under one name, which its flags or its file say. */
const FIRST_TOKEN = "admin";

/** Whether all members have what is under this key; the rest is this node's alone. */
export function isReplicated({ resource, name }: Key): boolean {
  return REPLICATED.has(resource) && !(resource === API_TOKENS && name === FIRST_TOKEN);
}
