import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { ApiError } from "../api/api-error.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { ApiTokens } from "./tokens/api-tokens.ts";
import { FailureLimit } from "./failure-limit.ts";

/** Who asks, as Kubernetes names users and groups. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface AuthenticatorDeps {
  readonly tokens: ApiTokens;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface AuthenticatorOptions {
  /** Whether requests over plain HTTP on loopback need a token too. */
  readonly authenticateLoopback?: boolean;
}

const AUTHENTICATED = "system:authenticated";
const MASTERS = "system:masters";

/** Finds out who sent a request: a client certificate of the cluster's CA, or a bearer token. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #limit: FailureLimit;
  readonly #authenticateLoopback: boolean;
  /** A connection's certificate does not change. */
  readonly #certified = new WeakMap<TLSSocket, Identity>();

  constructor(deps: AuthenticatorDeps, { authenticateLoopback = true }: AuthenticatorOptions = {}) {
    this.#deps = deps;
    this.#limit = new FailureLimit(deps.clock);
    this.#authenticateLoopback = authenticateLoopback;
  }

  /** Throws Unauthorized, or TooManyRequests for a source that failed too often. */
  authenticate(request: IncomingMessage): Identity {
    const { socket } = request;
    const certified = socket instanceof TLSSocket ? this.#certificate(socket) : undefined;
    if (certified) return certified;
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (bearer !== undefined) return this.#bearer(bearer, socket.remoteAddress ?? "");
    if (!(socket instanceof TLSSocket) && !this.#authenticateLoopback) return trustedLocal(request);
    throw unauthorized();
  }

  #certificate(socket: TLSSocket): Identity | undefined {
    if (!socket.authorized) return undefined;
    const known = this.#certified.get(socket);
    if (known) return known;
    const { subject } = socket.getPeerCertificate();
    const name = ([] as string[]).concat(subject?.CN ?? [])[0];
    if (name === undefined) return undefined;
    const identity = { name, groups: [...([] as string[]).concat(subject.O ?? []), AUTHENTICATED] };
    this.#certified.set(socket, identity);
    return identity;
  }

  #bearer(token: string, source: string): Identity {
    const waitMs = this.#limit.waitMs(source);
    if (waitMs > 0) {
      const retryAfterSeconds = Math.ceil(waitMs / 1000);
      throw new ApiError("TooManyRequests", "too many failed authentications from this address, try again later", {
        retryAfterSeconds,
      });
    }
    const found = this.#deps.tokens.verify(token);
    // Until there are roles for them, tokens are the owner's.
    if (found) return { name: `token:${found.name}`, groups: [MASTERS, AUTHENTICATED] };
    // A token that was revoked is tried for long by whoever does not know it: others at that address need not wait for it.
    const failures = this.#limit.failed(source, createHash("sha256").update(token).digest("base64"));
    if (failures !== undefined) this.#deps.log.warn("a bearer token was refused", { source, failures });
    throw unauthorized();
  }
}

function unauthorized(): ApiError {
  return new ApiError("Unauthorized", "Unauthorized");
}

/**
 * Without authentication everything on this host is trusted, wherever else plain HTTP may be reached from; but not the web pages that a browser on it shows: those
 * send an Origin, or say that they are a page (Sec-Fetch-Site is "none" only for what the user typed), or have a Host of
 * their own when a name was rebound to loopback.
 */
function trustedLocal(request: IncomingMessage): Identity {
  const { host = "", origin, "sec-fetch-site": site = "none" } = request.headers;
  const name = host.replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
  const local = name === "localhost" || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name);
  const near = isLoopback(request.socket.remoteAddress ?? "");
  if (near && origin === undefined && site === "none" && local)
    return { name: "local", groups: [MASTERS, AUTHENTICATED] };
  throw new ApiError(
    "Forbidden",
    near
      ? "Cannot trust this request: it comes from a web page or names another host; use a token"
      : "Cannot trust this request: it comes from another host; use a token",
  );
}

function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === "::1";
}
