import type { FrameMessage } from "../wire/frame.ts";
import type { PacketMessage } from "../wire/packet.ts";
import type { Endpoint } from "./member.ts";

/** Why an exchange over a stream brought nothing. The first two show that the host itself is alive. */
export type ExchangeFailure = "refused" | "silent" | "timeout" | "unreachable" | "broken";

/** What can happen to a node. */
export type Input =
  /** Time has passed; nothing else. */
  | { readonly kind: "time" }
  | { readonly kind: "message"; readonly message: PacketMessage; readonly from: Endpoint }
  /** Somebody's frame on a stream; a `reply` effect of the same step answers it. */
  | { readonly kind: "request"; readonly message: FrameMessage }
  /** The answer to an `exchange` effect. */
  | { readonly kind: "exchanged"; readonly id: number; readonly reply: FrameMessage }
  | { readonly kind: "exchange-failed"; readonly id: number; readonly failure: ExchangeFailure; readonly why: string }
  /** Push/pull with a node that may be unknown; an `outcome` effect with this id tells the end. */
  | { readonly kind: "join"; readonly id: number; readonly to: Endpoint }
  | { readonly kind: "leave" }
  /** A member that was removed counts as one that has left; it must not be able to object by then. */
  | { readonly kind: "force-leave"; readonly name: string }
  | { readonly kind: "meta"; readonly meta: Buffer }
  /** Told to some at random as often as a rumour; whoever hears it decides whether to tell it on. */
  | { readonly kind: "broadcast"; readonly payload: Buffer }
  /** Told to one member, by one packet, or by a stream where it must arrive or is long. */
  | { readonly kind: "user"; readonly to: string; readonly payload: Buffer; readonly reliable: boolean }
  /** The wrapping of packets grew or shrank: a key came or went. */
  | { readonly kind: "packet-overhead"; readonly bytes: number };
