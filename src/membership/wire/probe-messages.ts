import { MAX_NAME_BYTES, MAX_PAYLOAD_BYTES } from "./limits.ts";
import { bool, bytesField, omitEmpty, recordCodec, textField, uint16, uint32 } from "./record.ts";

/** Addresses are the 4 or 16 bytes of an IP address. Records: memberlist v0.7.0, net.go. */
const name = textField(MAX_NAME_BYTES);
const address = bytesField(16);

/** Where the answer goes; without it, to where the packet came from. */
interface Source {
  sourceAddr: Buffer;
  sourcePort: number;
  sourceNode: string;
}

const source = {
  sourceAddr: omitEmpty(address),
  sourcePort: omitEmpty(uint16),
  sourceNode: omitEmpty(name),
};

export interface Ping extends Source {
  seqNo: number;
  /** Who should answer; another node at this address does not. */
  node: string;
}

export interface IndirectPing extends Source {
  seqNo: number;
  target: Buffer;
  port: number;
  node: string;
  /** Whether the sender wants to hear that there was no answer. */
  nack: boolean;
}

export interface Ack {
  seqNo: number;
  payload: Buffer;
}

export interface Nack {
  seqNo: number;
}

export const pingCodec = recordCodec<Ping>("a ping", { seqNo: uint32, node: name, ...source });
export const indirectPingCodec = recordCodec<IndirectPing>("an indirect ping", {
  seqNo: uint32,
  target: address,
  port: uint16,
  node: name,
  nack: bool,
  ...source,
});
export const ackCodec = recordCodec<Ack>("an acknowledgement", {
  seqNo: uint32,
  payload: bytesField(MAX_PAYLOAD_BYTES),
});
export const nackCodec = recordCodec<Nack>("a negative acknowledgement", { seqNo: uint32 });
