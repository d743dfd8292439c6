import type { Pod } from "../api/kinds.ts";

/** What the API server needs from the rest of the node. Implemented by other folders, joined in `daemon/`. */

/** core/v1 PodLogOptions. */
export interface PodLogOptions {
  readonly container: string;
  /** Keep sending what the container writes until it ends. */
  readonly follow: boolean;
  /** Of the container's run before this one. */
  readonly previous: boolean;
  /** Put the time (RFC 3339 with nanoseconds) before each line. */
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  /** Stop after so many bytes. */
  readonly limitBytes?: number;
}

/** Logs of containers that this node runs. */
export interface PodLogs {
  /**
   * Resolves once the log is open; what it gives are pieces of text that need not end with a line. Rejects with an
   * ApiError: NotFound where the container never ran here, BadRequest where there is no previous run.
   */
  open(pod: Pod, options: PodLogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** Whether a part of the node works. */
export interface HealthCheck {
  readonly name: string;
  /**
   * `api`: without it requests fail, so /readyz and /healthz fail, too. `node`: pods suffer while the API goes on; that
   * is for the Node's condition, and only told under /healthz/NAME and in /api/v1/health.
   */
  readonly of: "api" | "node";
  /** Gives the reason where it does not work. Must be quick. */
  check(): string | undefined;
}

/** The cluster that this node is of. */
export interface ClusterMembers {
  /** `address` is this node's cluster port, for others to join through. */
  readonly about: { readonly clusterId: string; readonly address: string };
  /** All nodes of the cluster, also those that are lost, and for a while those that have left. */
  members(): readonly { readonly name: string; readonly host: string; readonly port: number; readonly state: string }[];
  /** Whether others have taken this node out: it sees nothing true of them any more. */
  isRemoved(): boolean;
  /** Takes another node out; with `compromised` everything that it could have read is replaced. */
  remove(nodeName: string, options?: { readonly compromised?: boolean }): Promise<string>;
  /** Takes this node out; its agent ends soon after. All give a text for the user. */
  leave(): Promise<string>;
}

/** Replaces keys while everything runs; each gives a sentence for the user. */
export interface KeyRotation {
  /** Of the gossip between all members. */
  rotateGossip(): Promise<string>;
  /** Of what is secret on this node's disk. */
  rotateData(): Promise<string>;
}

export interface CaRotationOrder {
  /** For how long the old CA is believed still; of no use with `compromised`. */
  readonly overlapSeconds: number;
  /** Everything is replaced that somebody has who has read a member's disk, and nothing older is believed. */
  readonly compromised: boolean;
}

export interface ShownCa {
  /** SHA-256 of the certificate in hex. */
  readonly fingerprint: string;
  /** RFC 3339; until when it is believed. */
  readonly until: string;
}

export interface CaStatus {
  readonly signing: ShownCa;
  /** Believed already, and signs nothing yet. */
  readonly staged: ShownCa | null;
  readonly older: readonly ShownCa[];
  /** While it is replaced because it may be in wrong hands. */
  readonly compromised: boolean;
}

/** The cluster's CA. */
export interface CaControl {
  caStatus(): CaStatus;
  /** Gives a text for the user. */
  rotateCa(order: CaRotationOrder): Promise<string>;
}
