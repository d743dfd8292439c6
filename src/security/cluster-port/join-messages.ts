import { createHash, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { isNodeName } from "../certificates/node-certificate.ts";
import { parseObject } from "./frame-stream.ts";

/**
 * Joining, version 1, inside TLS 1.3. The joiner has checked the CA by the token's digest before it sends anything:
 *
 *     joiner -> member   frame: JoinRequest as JSON
 *     joiner -> member   frame: 64 bytes, an Ed25519 signature by the token's secret over
 *                        "podman-swarm join 1\0", 32 bytes of this TLS session (RFC 9266's way, with a label of our
 *                        own), and the SHA-256 of the first frame
 *     member -> joiner   frame: JoinAnswer as JSON
 *
 * The secret is not sent, and the signature is worth nothing in any other session.
 */
export const JOIN_PROTOCOL = "podman-swarm-join/1";

export interface JoinRequest {
  readonly token: string;
  readonly nodeName: string;
  readonly addresses: readonly string[];
  /** The joiner's clock, in milliseconds since the epoch. */
  readonly time: number;
  /** PKCS #10, DER. */
  readonly signingRequest: Buffer;
}

export const LONGEST_REQUEST = 8192;
/** Mostly of nodes that were removed: thousands of them. */
export const LONGEST_ANSWER = 4 * 2 ** 20;
export const SIGNATURE_BYTES = 64;

const CONTEXT = Buffer.from("podman-swarm join 1\0");
const EXPORTER = "EXPORTER-podman-swarm-join-1";
const MOST_ADDRESSES = 16;

/** What the holder of a token signs. */
export function proofMessage(socket: TLSSocket, request: Buffer): Buffer {
  const session = socket.exportKeyingMaterial(32, EXPORTER, Buffer.alloc(0));
  return Buffer.concat([CONTEXT, session, createHash("sha256").update(request).digest()]);
}

export function signProof(message: Buffer, key: KeyObject): Buffer {
  return sign(null, message, key);
}

export function writeRequest({ signingRequest, ...rest }: JoinRequest): Buffer {
  return Buffer.from(JSON.stringify({ ...rest, signingRequest: signingRequest.toString("base64") }));
}

/** Throws an error that says what is wrong with it. */
export function readRequest(bytes: Buffer): JoinRequest {
  const { token, nodeName, addresses, time, signingRequest } = parseObject(bytes);
  if (typeof token !== "string" || token.length > 64) throw new Error("it names no token");
  if (typeof nodeName !== "string" || !isNodeName(nodeName)) throw new Error("its node name is not a DNS name");
  if (typeof time !== "number" || !(Math.abs(time) < 8.64e15)) throw new Error("it tells no time");
  if (typeof signingRequest !== "string") throw new Error("it asks for no certificate");
  if (!Array.isArray(addresses) || addresses.length > MOST_ADDRESSES) throw new Error("its addresses are not a list");
  if (!addresses.every((address) => typeof address === "string" && isIP(address) !== 0)) {
    throw new Error("its addresses are not IP addresses");
  }
  return {
    token,
    nodeName,
    addresses: addresses.map(String),
    time,
    signingRequest: Buffer.from(signingRequest, "base64"),
  };
}
