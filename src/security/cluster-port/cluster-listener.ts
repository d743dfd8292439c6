import { type KeyObject, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Clock } from "../../lib/clock.ts";
import { deadline } from "../../lib/deadline.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import type { ClusterAuthority } from "../certificates/cluster-authority.ts";
import type { DeniedNodes } from "../denied-nodes.ts";
import { FailureLimit } from "../failure-limit.ts";
import { type NodeCertificate, readNodeCertificate } from "../certificates/node-certificate.ts";
import type { NodeIdentity } from "../certificates/node-identity.ts";
import { FrameError, FrameStream } from "./frame-stream.ts";
import { JOIN_PROTOCOL } from "./join-messages.ts";
import type { Joined, JoinServer } from "./join-server.ts";
import { greet, PEER_PROTOCOL } from "./peer-greeting.ts";
import { type Refusal, RefusedError } from "./refusal.ts";
import { agentContext, notBelieved, peerOf } from "./tls-context.ts";

export interface ClusterListenerDeps {
  readonly authority: ClusterAuthority;
  readonly identity: NodeIdentity;
  readonly denied: DeniedNodes;
  readonly joins: JoinServer;
  readonly clock: Clock;
  readonly log: Logger;
  /** Each one, for an Event and a metric. */
  readonly refused: (refusal: Refusal) => void;
  readonly joined: (joined: Joined & { readonly source: string }) => void;
  /** A member's connection; its owner closes it. */
  readonly peer: (connection: { readonly socket: TLSSocket; readonly peer: NodeCertificate }) => void;
}

export interface ClusterListenerOptions {
  /** Refusals that one address may have in a minute before it is not listened to. */
  readonly refusalsAllowed?: number;
  /** Connections that may be between TCP and an answer at once. */
  readonly mostOpening?: number;
  readonly openingMs?: number;
}

/** TLS on the cluster port: joining, and connections between members. Takes connections that begin with TLS. */
export class ClusterListener {
  readonly #deps: ClusterListenerDeps;
  readonly #limit: FailureLimit;
  readonly #mostOpening: number;
  readonly #openingMs: number;
  readonly #server: Server;
  /** By their other ends. */
  readonly #opening = new Map<string, Socket>();
  readonly #peers = new Map<TLSSocket, NodeCertificate>();
  readonly #work = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  /** Of all CAs that were believed once. */
  #distrusted: readonly KeyObject[] = [];

  constructor(deps: ClusterListenerDeps, options: ClusterListenerOptions = {}) {
    const { refusalsAllowed = 10, mostOpening = 64, openingMs = 10_000 } = options;
    this.#deps = deps;
    this.#limit = new FailureLimit(deps.clock, { allowed: refusalsAllowed });
    this.#mostOpening = mostOpening;
    this.#openingMs = openingMs;
    this.#server = createServer({
      ...this.#context(),
      ALPNProtocols: [PEER_PROTOCOL, JOIN_PROTOCOL],
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: openingMs,
    });
    this.#server.on("secureConnection", (socket) => this.#track(this.#serve(socket)));
    this.#server.on("tlsClientError", (error, socket) => {
      // Its own side hears a TLS alert.
      this.#refuse({ reason: "HandshakeFailed", message: error.message, source: sourceOf(socket) });
      socket.destroy();
    });
  }

  /** Takes over a connection whose first byte is that of a TLS handshake. */
  accept(socket: Socket): void {
    socket.on("error", () => {}); // told by what reads it
    const full = this.#opening.size >= this.#mostOpening;
    if (full || this.#stop.signal.aborted) {
      if (full)
        this.#refuse({ reason: "TooManyAttempts", message: "too many are being answered", source: sourceOf(socket) });
      socket.destroy();
      return;
    }
    const end = farEnd(socket);
    this.#opening.set(end, socket);
    socket.once("close", () => this.#opening.delete(end));
    this.#server.emit("connection", socket);
  }

  /** Runs until `signal`, then closes what is still being answered and the members' connections. */
  async run(signal: AbortSignal): Promise<void> {
    const { authority, identity } = this.#deps;
    const renew = (): void => this.#server.setSecureContext(this.#context());
    renew();
    authority.onChange((change) => {
      renew();
      this.#dropIssued(change.distrusted);
    }, signal);
    identity.onChange(renew, signal);
    await untilAborted(signal);
    this.#stop.abort(signal.reason);
    for (const socket of [...this.#opening.values(), ...this.#peers.keys()]) socket.destroy();
    await Promise.all(this.#work);
  }

  /** Closes the connections of nodes that are denied by now. */
  dropDenied(): void {
    for (const [socket, peer] of this.#peers) {
      if (!this.#deps.denied.isDenied(peer)) continue;
      this.#refuse({
        reason: "NodeDenied",
        message: `the node ${peer.nodeName} was removed from the cluster`,
        source: sourceOf(socket),
        nodeName: peer.nodeName,
      });
      socket.destroy();
    }
  }

  #dropIssued(distrusted: readonly string[]): void {
    this.#distrusted = [...this.#distrusted, ...distrusted.map((ca) => new X509Certificate(ca).publicKey)];
    for (const socket of this.#peers.keys()) if (this.#isDistrusted(socket)) socket.destroy();
  }

  #isDistrusted(socket: TLSSocket): boolean {
    const certificate = socket.getPeerX509Certificate();
    return certificate !== undefined && this.#distrusted.some((key) => certificate.verify(key));
  }

  /** Whose connection this is. What was believed when it was made may not be so any more. */
  #judge(socket: TLSSocket): NodeCertificate {
    const { authority, denied } = this.#deps;
    const peer = peerOf(socket, { clusterId: authority.clusterId, isDenied: (one) => denied.isDenied(one) });
    if (this.#isDistrusted(socket)) throw notBelieved("its CA was replaced");
    return peer;
  }

  #context(): ReturnType<typeof agentContext> {
    const { authority, identity } = this.#deps;
    return agentContext(identity.current, authority);
  }

  async #serve(socket: TLSSocket): Promise<void> {
    socket.on("error", () => {}); // told by what reads it
    const source = sourceOf(socket);
    using limit = deadline(this.#openingMs, this.#stop.signal, this.#deps.clock);
    const frames = new FrameStream(socket);
    let nodeName: string | undefined;
    try {
      if (this.#limit.waitMs(source) > 0) {
        throw new RefusedError("TooManyAttempts", "too many refusals of this address, try again in a minute");
      }
      nodeName = await this.#open({ socket, frames, signal: limit.signal, named: (name) => (nodeName = name) });
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const refusal = refusalOf(error, limit.passed);
      // Whoever has to wait already is not counted again: its wait would never end.
      if (refusal.reason !== "TooManyAttempts") this.#limit.failed(source);
      this.#refuse({ reason: refusal.reason, message: refusal.message, source, nodeName });
      frames.writeJson({ ok: false, reason: refusal.reason, message: refusal.message });
      end(socket, { clock: this.#deps.clock, ms: this.#openingMs });
    }
  }

  async #open(opening: {
    readonly socket: TLSSocket;
    readonly frames: FrameStream;
    readonly signal: AbortSignal;
    readonly named: (nodeName: string) => void;
  }): Promise<string> {
    const { socket, frames, signal, named } = opening;
    const { joins, joined, peer, clock } = this.#deps;
    if (socket.alpnProtocol === JOIN_PROTOCOL) {
      const done = await joins.serve({ socket, frames }, { signal, named });
      end(socket, { clock, ms: this.#openingMs });
      joined({ ...done, source: sourceOf(socket) });
      return done.nodeName;
    }
    if (socket.alpnProtocol !== PEER_PROTOCOL)
      throw new RefusedError("BadRequest", "it names no protocol of this port");
    // Before it is judged, so that a refusal says who is refused: its owner has to know which node that is.
    const shown = socket.getPeerX509Certificate();
    const claimed = shown && readNodeCertificate(shown);
    if (claimed) named(claimed.nodeName);
    const certificate = this.#judge(socket);
    const judge = (): void => {
      this.#judge(socket);
      this.#peers.set(socket, certificate);
      socket.once("close", () => this.#peers.delete(socket));
    };
    await greet(frames, { clock, signal, judge });
    // From here on it is the owner's, and does not count as being opened.
    this.#opening.delete(farEnd(socket));
    peer({ socket, peer: certificate });
    return certificate.nodeName;
  }

  #refuse(refusal: Refusal): void {
    const { reason, message, source, nodeName } = refusal;
    this.#deps.log.warn("refused on the cluster port", {
      reason,
      message,
      source,
      ...(nodeName ? { node: nodeName } : {}),
    });
    this.#deps.refused(refusal);
  }

  #track(work: Promise<void>): void {
    const own = work
      .catch((error: unknown) =>
        this.#deps.log.error("cannot answer on the cluster port", { error: describeError(error) }),
      )
      .finally(() => this.#work.delete(own));
    this.#work.add(own);
  }
}

function refusalOf(error: unknown, late: boolean): RefusedError {
  if (error instanceof RefusedError) return error;
  if (late) return new RefusedError("BadRequest", "it did not say in time what it wants");
  if (error instanceof FrameError) return new RefusedError("BadRequest", error.message);
  throw error;
}

/** What was written still goes out; who does not read it is not waited for. */
function end(socket: TLSSocket, { clock, ms }: { readonly clock: Clock; readonly ms: number }): void {
  socket.end();
  socket.resume();
  const cancel = clock.timer(ms, () => socket.destroy());
  socket.once("close", cancel);
}

function farEnd({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function sourceOf(socket: Socket): string {
  return (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
}
