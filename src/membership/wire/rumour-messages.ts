import { MAX_META_BYTES, MAX_NAME_BYTES } from "./limits.ts";
import { bytesField, recordCodec, textField, uint16, uint32 } from "./record.ts";

/** What is gossiped about a node. Records: memberlist v0.7.0, net.go. */
const name = textField(MAX_NAME_BYTES);

export interface Suspect {
  incarnation: number;
  node: string;
  /** Who suspects. */
  from: string;
}

export interface Dead {
  incarnation: number;
  node: string;
  /** Who says so; the node itself when it left. */
  from: string;
}

export interface Alive {
  incarnation: number;
  node: string;
  addr: Buffer;
  port: number;
  meta: Buffer;
  /** Protocol versions: least, greatest, spoken; then the same of what is built on top ("delegate"). */
  vsn: Buffer;
}

export const suspectCodec = recordCodec<Suspect>("a suspicion", { incarnation: uint32, node: name, from: name });
export const deadCodec = recordCodec<Dead>("a death", { incarnation: uint32, node: name, from: name });
export const aliveCodec = recordCodec<Alive>("a sign of life", {
  incarnation: uint32,
  node: name,
  addr: bytesField(16),
  port: uint16,
  meta: bytesField(MAX_META_BYTES),
  vsn: bytesField(16),
});
