import type { Level } from "../lib/log.ts";
import type { MemberView, Report } from "./protocol/effects.ts";
import type { Endpoint } from "./protocol/member.ts";
import type { DelegateVersions, Settings } from "./protocol/settings.ts";

/** How a node takes part; what is left out is as in the Go library's settings for a local network. */
export interface MembershipConfig {
  /** Unique in the cluster, up to 255 bytes. */
  readonly name: string;
  /** An IP address and the port of UDP and TCP; port 0 for any. */
  readonly bind: Endpoint;
  /** Where others reach this node, if that is not what it binds. */
  readonly advertise?: Partial<Endpoint>;
  /** Up to 512 bytes that every member knows. */
  readonly meta?: Uint8Array;
  readonly delegate?: DelegateVersions;
  readonly protocolVersion?: number;
  readonly label?: string;
  /** 16, 24 or 32 bytes each, the one in use first; none for no encryption. */
  readonly keys?: readonly Uint8Array[];
  readonly compression?: boolean;
  /** False only while a running cluster changes over to encryption. */
  readonly verifyIncoming?: boolean;
  readonly verifyOutgoing?: boolean;
  readonly tuning?: Partial<Tuning>;
  readonly logLevel?: Level;
}

/** Settings that have nothing to do with who a node is. */
export type Tuning = Omit<
  Settings,
  "name" | "addr" | "port" | "meta" | "delegate" | "protocolVersion" | "packetOverhead"
>;

/** What the main thread asks of the worker. */
export type Call =
  | { readonly kind: "join"; readonly to: Endpoint }
  | { readonly kind: "leave" }
  | { readonly kind: "force-leave"; readonly name: string }
  | { readonly kind: "meta"; readonly meta: Uint8Array }
  | { readonly kind: "broadcast"; readonly payload: Uint8Array }
  | { readonly kind: "send"; readonly to: string; readonly payload: Uint8Array; readonly reliable: boolean }
  | { readonly kind: "install-key" | "use-key" | "remove-key"; readonly key: Uint8Array }
  | { readonly kind: "metrics" }
  /** A frame of a stream that the main thread accepted. */
  | { readonly kind: "frame"; readonly frame: Uint8Array; readonly from: Endpoint }
  | { readonly kind: "stop" };

export interface WorkerRequest {
  readonly id: number;
  readonly call: Call;
}

export type WorkerAnswer =
  | { readonly kind: "ready"; readonly members: readonly MemberView[] }
  | { readonly kind: "not-ready"; readonly why: string; readonly portTaken: boolean }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly why: string }
  | { readonly kind: "report"; readonly report: Report };
