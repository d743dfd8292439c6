import type { DnsSnapshot } from "../../dns/snapshot.ts";
import type { IngressSnapshot } from "../../ingress/snapshot.ts";
import type { ProbeCheck } from "../../runtime/ports.ts";

/** Agent and dataplane are of one build; a restart in the middle of an upgrade can still make two versions meet. */
export const PROTOCOL_VERSION = 1;

/** Everything that the dataplane is to do, as plain JSON. A part that is absent is not served yet. */
export interface DataplaneState {
  readonly dns?: {
    /** Where to listen, over UDP and TCP; the addresses may appear later. */
    readonly listen: readonly { readonly host: string; readonly port: number }[];
    readonly snapshot: DnsSnapshot;
    /** The upstreams are as the host asks them; the dataplane lives in another network namespace. */
    readonly fromHost?: boolean;
  };
  readonly ingress?: IngressSnapshot;
}

/** Sets the value at a path of object keys, or removes it where there is no value. */
export interface StateChange {
  readonly path: readonly string[];
  readonly value?: unknown;
}

/** `dial` is the first and only frame of a connection of its own, the rest of which is passed through. */
export type ToDataplane =
  | { readonly type: "hello"; readonly version: number }
  | { readonly type: "snapshot"; readonly seq: number; readonly state: DataplaneState }
  | { readonly type: "change"; readonly seq: number; readonly changes: readonly StateChange[] }
  | { readonly type: "probe"; readonly id: number; readonly check: ProbeCheck; readonly timeoutMs: number }
  | { readonly type: "cancel"; readonly id: number }
  /** End, and be started again by the supervisor. */
  | { readonly type: "restart"; readonly reason: string }
  | { readonly type: "dial"; readonly host: string; readonly port: number; readonly timeoutMs: number };

export type FromDataplane =
  | { readonly type: "welcome"; readonly version: number; readonly pid: number }
  | { readonly type: "applied"; readonly seq: number }
  | { readonly type: "refused"; readonly seq: number; readonly message: string }
  | { readonly type: "probed"; readonly id: number; readonly ok: boolean; readonly message: string }
  | { readonly type: "dialed" }
  | { readonly type: "failed"; readonly code: string; readonly message: string };

/** Throws for anything that is not a message; the contents of snapshots are the agent's word. */
export function readToDataplane(frame: unknown): ToDataplane {
  const message = record(frame, "a message");
  const { type } = message;
  if (type === "hello") return { type, version: number(message, "version") };
  if (type === "snapshot") {
    return { type, seq: number(message, "seq"), state: record(message["state"], "a state") as DataplaneState };
  }
  if (type === "change") return { type, seq: number(message, "seq"), changes: changes(message["changes"]) };
  if (type === "probe") {
    const check = record(message["check"], "a check") as unknown as ProbeCheck;
    if (!["http", "tcp", "grpc"].includes(check.type))
      throw new Error(`Cannot run a probe of type ${String(check.type)}`);
    text(message["check"] as Record<string, unknown>, "host");
    number(message["check"] as Record<string, unknown>, "port");
    return { type, id: number(message, "id"), check, timeoutMs: number(message, "timeoutMs") };
  }
  if (type === "cancel") return { type, id: number(message, "id") };
  if (type === "restart") return { type, reason: text(message, "reason") };
  if (type === "dial") {
    const timeoutMs = number(message, "timeoutMs");
    return { type, host: text(message, "host"), port: number(message, "port"), timeoutMs };
  }
  throw new Error(`Cannot read a message of type ${String(type)}`);
}

function changes(value: unknown): StateChange[] {
  if (!Array.isArray(value)) throw new Error("Cannot read changes: they are not a list");
  return value.map((change: unknown) => {
    const { path, value: next } = record(change, "a change");
    if (!Array.isArray(path) || path.length === 0 || path.some((part) => typeof part !== "string")) {
      throw new Error("Cannot read a change: it has no path");
    }
    return next === undefined ? { path: path as string[] } : { path: path as string[], value: next };
  });
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`Cannot read ${what}: it is not an object`);
}

function number(from: Record<string, unknown>, name: string): number {
  const value = from[name];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Error(`Cannot read ${name}: it is not a number`);
}

function text(from: Record<string, unknown>, name: string): string {
  const value = from[name];
  if (typeof value === "string") return value;
  throw new Error(`Cannot read ${name}: it is not a string`);
}
