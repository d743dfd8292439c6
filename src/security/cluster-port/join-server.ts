import { createHash } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { Clock } from "../../lib/clock.ts";
import type { CaMaterial } from "../certificates/ca-material.ts";
import { publicKeyInfo } from "../certificates/certificate.ts";
import type { ClusterAuthority } from "../certificates/cluster-authority.ts";
import type { JoinTokens } from "../tokens/join-tokens.ts";
import { nodeOrder, nodeUser } from "../certificates/node-certificate.ts";
import { readSigningRequest } from "../certificates/signing-request.ts";
import type { FrameStream } from "./frame-stream.ts";
import { type JoinRequest, LONGEST_REQUEST, proofMessage, readRequest, SIGNATURE_BYTES } from "./join-messages.ts";
import { RefusedError, refuseSkew } from "./refusal.ts";

/** What a node gets that may join. */
export interface JoinGrant {
  /** PEM. */
  readonly certificate: string;
  readonly authority: CaMaterial;
  /** In base64; the one in use first. */
  readonly gossipKeys: readonly string[];
  /** The cluster ports of members, `host:port`. */
  readonly members: readonly string[];
  /** Which nodes were removed, as members tell each other: what it gets it must not give to one of these. */
  readonly removals: readonly unknown[];
}

export interface JoinServerDeps {
  readonly tokens: JoinTokens;
  readonly authority: ClusterAuthority;
  readonly gossipKeys: () => readonly Buffer[];
  readonly members: () => readonly string[];
  readonly removals: () => readonly unknown[];
  /** Why a name cannot be given to another node, or undefined: a living node has it. */
  readonly nameTaken: (nodeName: string) => string | undefined;
  /** Until when who was let in under this name is refused, in milliseconds since the epoch. */
  readonly deniedUntil: (nodeName: string) => number | undefined;
  readonly clock: Clock;
}

/** How long a name is kept for a node that has joined and was not seen yet. */
const APPEARS_WITHIN_MS = 60_000;

export interface Joined {
  readonly nodeName: string;
  readonly token: string;
}

/** The member's side of joining. */
export class JoinServer {
  readonly #deps: JoinServerDeps;
  /** Names given to keys a moment ago, whose nodes may not have appeared yet. */
  readonly #given = new Map<string, { readonly user: string; readonly until: number }>();

  constructor(deps: JoinServerDeps) {
    this.#deps = deps;
  }

  /** Answers one joiner. Throws a RefusedError for one that may not join; its caller tells the other side. */
  async serve(
    { socket, frames }: { readonly socket: TLSSocket; readonly frames: FrameStream },
    { signal, named }: { readonly signal: AbortSignal; readonly named: (nodeName: string) => void },
  ): Promise<Joined> {
    const bytes = await frames.read(LONGEST_REQUEST, signal);
    const signature = await frames.read(SIGNATURE_BYTES, signal);
    const request = checked(() => readRequest(bytes));
    named(request.nodeName);
    const { grant, token } = await this.#decide(request, { message: proofMessage(socket, bytes), signature });
    frames.writeJson({ ok: true, ...grant });
    return { nodeName: request.nodeName, token };
  }

  /** A node of this name is a member by now: from here on `nameTaken` tells whether its name is free. */
  appeared(nodeName: string): void {
    this.#given.delete(nodeName);
  }

  async #decide(
    request: JoinRequest,
    { message, signature }: { readonly message: Buffer; readonly signature: Buffer },
  ): Promise<{ grant: JoinGrant; token: string }> {
    const { tokens, authority, gossipKeys, members, removals, nameTaken, deniedUntil, clock } = this.#deps;
    const { nodeName, addresses } = request;
    const key = checked(() => readSigningRequest(request.signingRequest, nodeUser(nodeName)));
    const proof = { id: request.token, message, signature };
    // The count of uses goes down last: until then nothing has been given.
    const valid = tokens.check(proof);
    if ("refusal" in valid) throw new RefusedError(valid.refusal, valid.message);
    refuseSkew(request.time, clock.now());
    const user = createHash("sha256").update(publicKeyInfo(key)).digest("hex");
    const taken = nameTaken(nodeName) ?? this.#justGiven(nodeName, user);
    if (taken !== undefined) throw new RefusedError("NameTaken", taken);
    const verdict = await tokens.redeem(proof, user);
    if ("refusal" in verdict) throw new RefusedError(verdict.refusal, verdict.message);
    this.#given.set(nodeName, { user, until: clock.monotonic() + APPEARS_WITHIN_MS });
    // Later than its removal also by the clock of whoever removed it.
    const since = Math.max(clock.now(), (deniedUntil(nodeName) ?? 0) + 1);
    const order = nodeOrder({ clusterId: authority.clusterId, nodeName }, addresses, { since });
    const certificate = authority.certify(key, order);
    const keys = gossipKeys().map((one) => one.toString("base64"));
    const lists = { gossipKeys: keys, members: members(), removals: removals() };
    return { grant: { certificate, authority: authority.material, ...lists }, token: verdict.token };
  }

  #justGiven(nodeName: string, user: string): string | undefined {
    const now = this.#deps.clock.monotonic();
    for (const [name, { until }] of this.#given) if (until <= now) this.#given.delete(name);
    const given = this.#given.get(nodeName);
    if (!given || given.user === user) return undefined;
    return `the name ${nodeName} was given to another node a moment ago: give this one another name with --node-name`;
  }
}

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new RefusedError("BadRequest", (error as Error).message, { cause: error });
  }
}
