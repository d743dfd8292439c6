import type { TLSSocket } from "node:tls";
import type { Clock } from "../../lib/clock.ts";
import type { ClusterAuthority } from "../certificates/cluster-authority.ts";
import type { DeniedNodes } from "../denied-nodes.ts";
import type { NodeCertificate } from "../certificates/node-certificate.ts";
import type { NodeIdentity } from "../certificates/node-identity.ts";
import { FrameStream } from "./frame-stream.ts";
import { introduce, PEER_PROTOCOL } from "./peer-greeting.ts";
import { RefusedError } from "./refusal.ts";
import { agentContext, dial, peerOf } from "./tls-context.ts";

export interface DialPeerDeps {
  readonly authority: ClusterAuthority;
  readonly identity: Pick<NodeIdentity, "current">;
  readonly denied: Pick<DeniedNodes, "isDenied">;
  readonly clock: Clock;
}

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
  /** Who is expected there; anyone of the cluster by default. */
  readonly nodeName?: string;
}

/**
 * Connects to another member, each side having checked the other's certificate. Rejects with a RefusedError that says
 * which side refused what.
 */
export async function dialPeer(
  { authority, identity, denied, clock }: DialPeerDeps,
  { host, port, nodeName }: PeerAddress,
  signal: AbortSignal,
): Promise<{ readonly socket: TLSSocket; readonly peer: NodeCertificate }> {
  const context = agentContext(identity.current, authority);
  const socket = await dial(context, { host, port, protocol: PEER_PROTOCOL, signal });
  try {
    const peer = peerOf(socket, { clusterId: authority.clusterId, isDenied: (one) => denied.isDenied(one) });
    if (nodeName !== undefined && peer.nodeName !== nodeName) {
      throw new RefusedError("OtherNode", `it is the node ${peer.nodeName}, not ${nodeName}`);
    }
    await introduce(new FrameStream(socket), { clock, signal });
    return { socket, peer };
  } catch (error) {
    socket.on("error", () => {}); // given up
    // Not cut off: the other side reads whose certificate this is, and tells its owner, too.
    socket.destroySoon();
    const place = `Cannot work with the node at ${host}:${port}`;
    if (error instanceof RefusedError) {
      const { reason, message, byOther } = error;
      throw new RefusedError(reason, `${place}: ${message}`, { cause: error, byOther });
    }
    throw new Error(place, { cause: error });
  }
}
