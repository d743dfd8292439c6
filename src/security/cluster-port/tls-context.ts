import { constants, X509Certificate } from "node:crypto";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { CrossChain, KeyPair } from "../certificates/ca-material.ts";
import { type NodeCertificate, readNodeCertificate } from "../certificates/node-certificate.ts";
import { RefusedError } from "./refusal.ts";

/** TLS 1.3 only, and no resumption: each connection shows its certificate, which may be denied by now. */
const COMMON = { minVersion: "TLSv1.3", secureOptions: constants.SSL_OP_NO_TICKET } as const;

export interface AgentTrust {
  /** PEM. */
  readonly certificate: string;
  readonly trusted: readonly string[];
  readonly chain: CrossChain;
}

/**
 * What an agent shows and believes. Its CA goes with it, for those who know only the CA's digest; and what leads to it
 * from older CAs, for those who know only one of these.
 */
export function agentContext(
  { certificate, key }: KeyPair,
  { certificate: signing, trusted, chain }: AgentTrust,
): SecureContextOptions {
  const own = new X509Certificate(certificate);
  const issuer = trusted.find((ca) => own.verify(new X509Certificate(ca).publicKey)) ?? "";
  const shown = issuer === signing ? [...chain.successors, chain.root] : [issuer];
  return { ...COMMON, cert: [certificate, ...shown].join(""), key, ca: [...trusted] };
}

/** For who has no certificate yet. */
export const STRANGER_CONTEXT: SecureContextOptions = COMMON;

export interface DialTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: string;
  readonly signal: AbortSignal;
}

/** Connects and shakes hands; what the other side has shown is still to be judged. */
export async function dial(context: SecureContextOptions, target: DialTarget): Promise<TLSSocket> {
  const { host, port, protocol, signal } = target;
  const socket = await connected(connectTcp({ host, port }), {
    event: "connect",
    signal,
    what: `connect to ${host}:${port}`,
  });
  const secure = connectTls({
    ...context,
    socket,
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
    // A node is known by the URI in its certificate, which `peerOf` reads, not by its address.
    checkServerIdentity: () => undefined,
  });
  await connected(secure, { event: "secureConnect", signal, what: `speak TLS with ${host}:${port}` });
  if (secure.alpnProtocol !== protocol) {
    secure.destroy();
    throw new Error(`Cannot speak with ${host}:${port}: it does not know ${protocol}`);
  }
  return secure;
}

function connected<T extends Socket>(
  socket: T,
  {
    event,
    signal,
    what,
  }: { readonly event: "connect" | "secureConnect"; readonly signal: AbortSignal; readonly what: string },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown): void => {
      socket.off(event, done).off("error", settle).off("close", closed);
      signal.removeEventListener("abort", aborted);
      if (error === undefined) return resolve(socket);
      socket.on("error", () => {}); // the connection is given up
      socket.destroy();
      reject(new Error(`Cannot ${what}`, { cause: error }));
    };
    const done = (): void => settle();
    const closed = (): void => settle(new Error("it closed the connection"));
    const aborted = (): void => settle(signal.reason);
    socket.once(event, done).once("error", settle).once("close", closed);
    signal.addEventListener("abort", aborted, { once: true });
    if (signal.aborted) aborted();
  });
}

/**
 * Who the other side is, by the certificate that it has shown and proved. Throws a RefusedError for a stranger, another
 * cluster's node, and one that is denied.
 */
export function peerOf(
  socket: TLSSocket,
  { clusterId, isDenied }: { readonly clusterId: string; isDenied(certificate: NodeCertificate): boolean },
): NodeCertificate {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) throw new RefusedError("NoCertificate", "it shows no certificate, and only members have one");
  const found = readNodeCertificate(certificate);
  if (found && found.clusterId !== clusterId) {
    throw new RefusedError(
      "OtherCluster",
      `its certificate is of the cluster ${found.clusterId}, and this is ${clusterId}`,
    );
  }
  if (!socket.authorized) throw notBelieved(String(socket.authorizationError));
  if (!found) throw new RefusedError("UntrustedCertificate", "its certificate is not a node's");
  if (isDenied(found)) throw new RefusedError("NodeDenied", `the node ${found.nodeName} was removed from the cluster`);
  return found;
}

/** For a certificate of a CA that this side does not believe, or not any more. */
export function notBelieved(why: string): RefusedError {
  return new RefusedError(
    "UntrustedCertificate",
    `its certificate is not one that the other side believes (${why}): if the cluster's CA was replaced while one of ` +
      "the two was away, that one has to join again with a new token",
  );
}
