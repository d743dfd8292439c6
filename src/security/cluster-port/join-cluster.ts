import { type KeyObject, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../lib/clock.ts";
import { caDigest, type CaMaterial, MOST_OLDER, readMaterial, trustedCas } from "../certificates/ca-material.ts";
import { type JoinToken, provingKey } from "../tokens/join-token.ts";
import { nodeUser, readNodeCertificate } from "../certificates/node-certificate.ts";
import { makeSigningRequest } from "../certificates/signing-request.ts";
import { FrameStream } from "./frame-stream.ts";
import { JOIN_PROTOCOL, LONGEST_ANSWER, proofMessage, signProof, writeRequest } from "./join-messages.ts";
import { readAnswer } from "./peer-greeting.ts";
import { RefusedError } from "./refusal.ts";
import { dial, STRANGER_CONTEXT } from "./tls-context.ts";

export interface JoinOrder {
  /** The cluster port of any member. */
  readonly host: string;
  readonly port: number;
  readonly token: JoinToken;
  readonly nodeName: string;
  /** The node's own; the same one for each attempt, so that a use of the token is counted once. */
  readonly key: KeyObject;
  /** This node's own, for its certificate. */
  readonly addresses: readonly string[];
  /** Of a node that joins again: no other cluster will do. */
  readonly clusterId?: string | undefined;
}

/** What a node has once it has joined, checked. */
export interface Membership {
  readonly authority: CaMaterial;
  readonly certificate: string;
  readonly gossipKeys: readonly Buffer[];
  readonly members: readonly string[];
  /** Which nodes were removed, for the store. */
  readonly removals: readonly unknown[];
}

/**
 * Joins a cluster through one of its members. Nothing is sent before the member has proved to have a certificate of the
 * CA that the token names. Rejects with a RefusedError where either side refused, and changes nothing on disk.
 */
export async function joinCluster(
  { clock }: { readonly clock: Clock },
  order: JoinOrder,
  signal: AbortSignal,
): Promise<Membership> {
  const { host, port } = order;
  const place = `Cannot join through ${host}:${port}`;
  const socket = await dial(STRANGER_CONTEXT, { host, port, protocol: JOIN_PROTOCOL, signal });
  socket.on("error", () => {}); // told by what reads it
  try {
    checkMember(socket, { digest: order.token.caDigest, clusterId: order.clusterId, now: clock.now() });
    return await ask(socket, { order, clock, signal });
  } catch (error) {
    if (error instanceof RefusedError)
      throw new RefusedError(error.reason, `${place}: ${error.message}`, { cause: error });
    throw new Error(place, { cause: error });
  } finally {
    socket.destroy();
  }
}

/** TLS has proved that the other side has the key of the certificate; this checks who vouches for it. */
function checkMember(
  socket: TLSSocket,
  { digest, clusterId, now }: { readonly digest: string; readonly clusterId: string | undefined; readonly now: number },
): void {
  // The leaf first; each of the others has the name of the one before's issuer, and need not have signed it.
  const [leaf, ...others] = shownBy(socket);
  const known = others.findIndex((one) => caDigest(one.toString()) === digest);
  if (!leaf || known < 0) {
    throw new RefusedError(
      "WrongCa",
      "it is not of the cluster that the join token is for (its CA has another digest): check the address, or print a " +
        "new token if the CA was replaced. Nothing was sent to it",
    );
  }
  const path = [leaf, ...others.slice(0, known + 1)];
  const signed = path.slice(1).every((ca, at) => ca.ca && path[at]?.verify(ca.publicKey));
  const name = readNodeCertificate(leaf);
  if (!signed || !name) {
    throw new RefusedError(
      "WrongCa",
      "its certificate is not one of the CA that the join token names. Nothing was sent to it",
    );
  }
  if (clusterId !== undefined && name.clusterId !== clusterId) {
    throw new RefusedError(
      "OtherCluster",
      `it is of the cluster ${name.clusterId}, and this node is of ${clusterId}. Nothing was sent to it`,
    );
  }
  const late = path.slice(0, -1).find((one) => now < one.validFromDate.getTime() || now > one.validToDate.getTime());
  if (late) {
    throw new RefusedError(
      "ClockSkew",
      `its certificate is not valid now (${new Date(now).toISOString()}): compare the clocks`,
    );
  }
}

const LONGEST_CHAIN = MOST_OLDER + 2;

function shownBy(socket: TLSSocket): X509Certificate[] {
  const found: X509Certificate[] = [];
  let at: { raw: Buffer; issuerCertificate?: { raw: Buffer } | undefined } | undefined =
    socket.getPeerCertificate(true);
  while (at?.raw && found.length < LONGEST_CHAIN) {
    found.push(new X509Certificate(at.raw));
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return found;
}

async function ask(
  socket: TLSSocket,
  { order, clock, signal }: { readonly order: JoinOrder; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Membership> {
  const { token, nodeName, addresses, key } = order;
  const signingRequest = makeSigningRequest(key, nodeUser(nodeName));
  const request = writeRequest({ token: token.id, nodeName, addresses, time: clock.now(), signingRequest });
  const frames = new FrameStream(socket);
  frames.write(request);
  frames.write(signProof(proofMessage(socket, request), provingKey(token)));
  const answer = await readAnswer(frames, { limit: LONGEST_ANSWER, signal });
  const authority = readMaterial(answer["authority"]);
  const { certificate } = answer;
  const believed = trustedCas(authority, clock.now());
  if (!believed.some((one) => caDigest(one) === token.caDigest) || typeof certificate !== "string") {
    throw new RefusedError("WrongCa", "it answers with another CA than the join token names");
  }
  const given = new X509Certificate(certificate);
  const name = readNodeCertificate(given);
  if (name?.nodeName !== nodeName || name.clusterId !== authority.clusterId || !given.checkPrivateKey(key)) {
    throw new RefusedError("BadRequest", "it answers with a certificate that is not this node's");
  }
  return {
    authority,
    certificate,
    gossipKeys: texts(answer["gossipKeys"]).map((text) => Buffer.from(text, "base64")),
    members: texts(answer["members"]),
    removals: list(answer["removals"]),
  };
}

function texts(value: unknown): string[] {
  return list(value).map(String);
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new RefusedError("BadRequest", "its answer is not whole");
  return value;
}
