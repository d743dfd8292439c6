import type { NodeState } from "../wire/message-type.ts";
import type { GossipRefusal } from "../refusal.ts";
import type { Unheard } from "../unheard.ts";
import type { Endpoint, Versions } from "./member.ts";

/** What others may know of a member: a copy. */
export interface MemberView {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly state: NodeState;
  readonly incarnation: number;
  readonly protocol: Versions;
  readonly delegate: Versions;
  /** Present while it is suspected. */
  readonly suspicion?: SuspicionView;
}

export interface SuspicionView {
  /** This node's own probe failed. */
  readonly direct: boolean;
  /** How many others suspect it too, of those that were counted. */
  readonly confirmations: number;
  /** Its host answered where its agent did not: the agent is down, not the node. */
  readonly agentDown: boolean;
}

/** News about the membership. Every change of a member's state or metadata is one. */
export type Report =
  | { readonly kind: "joined" | "updated" | "recovered" | "failed" | "left"; readonly member: MemberView }
  /** For the first time, by one more, or with new evidence. */
  | { readonly kind: "suspected"; readonly member: MemberView }
  /** Gone for so long that its name was forgotten. */
  | { readonly kind: "forgotten"; readonly name: string }
  /** Two living nodes have one name; the one that was there first keeps it. */
  | { readonly kind: "conflict"; readonly member: MemberView; readonly other: Endpoint }
  /** This node was suspected or declared dead and has objected. */
  | { readonly kind: "refuted"; readonly by: string; readonly incarnation: number }
  /** This node stood still for so long. */
  | { readonly kind: "stalled"; readonly ms: number }
  /** Refused what came from there, so often since the last such report. */
  | { readonly kind: "refused"; readonly refusal: GossipRefusal; readonly count: number }
  /** The others there refuse what this node says. */
  | { readonly kind: "unheard"; readonly unheard: Unheard; readonly count: number }
  /** Its own leaving has been told to the others. */
  | { readonly kind: "leave-told" }
  | { readonly kind: "user"; readonly payload: Uint8Array };

export type Effect =
  /** One packet of these messages. */
  | { readonly kind: "packet"; readonly to: Endpoint; readonly parts: readonly Buffer[]; readonly checksum: boolean }
  /** Connect, send a frame of this body, read a frame; then `exchanged` or `exchange-failed` with this id. */
  | {
      readonly kind: "exchange";
      readonly id: number;
      readonly to: Endpoint;
      readonly body: Buffer;
      readonly timeoutMs: number;
    }
  /** Connect, send a frame of this body, close. */
  | { readonly kind: "frame"; readonly to: Endpoint; readonly body: Buffer }
  /** The answer to the request of this step; `refused` says why that was not taken. */
  | { readonly kind: "reply"; readonly body: Buffer; readonly refused?: string }
  | { readonly kind: "outcome"; readonly id: number; readonly error?: string }
  | { readonly kind: "report"; readonly report: Report };
