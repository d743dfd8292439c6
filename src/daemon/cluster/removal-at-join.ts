import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import { deadline } from "../../lib/deadline.ts";
import { readPrivateFile } from "../../security/at-rest/private-file.ts";
import { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import { dialPeer, type PeerAddress } from "../../security/cluster-port/dial-peer.ts";
import { RefusedError } from "../../security/cluster-port/refusal.ts";

/** A join does not wait longer for members that do not answer. */
const ATTEMPT_MS = 3_000;

export interface RemovalAtJoinDeps {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * What members say that have removed this node, which may have been stopped before it could hear of it; undefined where
 * none says so, or none can be reached. `directory`: where this node's trust is.
 */
export async function removalToldBy(
  addresses: readonly PeerAddress[],
  directory: string,
  { clock, signal }: RemovalAtJoinDeps,
): Promise<string | undefined> {
  const [certificate, key] = await Promise.all(
    ["node.crt", "node.key"].map((name) => readPrivateFile(join(directory, name))),
  );
  if (certificate === undefined || key === undefined) return undefined;
  const authority = await ClusterAuthority.open({ directory, clock });
  const link = { authority, identity: { current: { certificate, key } }, denied: { isDenied: () => false }, clock };
  const told = await Promise.allSettled(
    addresses.map(async (address) => {
      using limit = deadline(ATTEMPT_MS, signal, clock);
      const { socket } = await dialPeer(link, address, limit.signal);
      socket.on("error", () => {}); // nothing is said on it
      socket.destroy();
    }),
  );
  signal.throwIfAborted();
  const refusals: unknown[] = told.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  return refusals.find(isRemoval)?.message;
}

function isRemoval(error: unknown): error is RefusedError {
  return error instanceof RefusedError && error.reason === "NodeDenied" && error.byOther;
}
