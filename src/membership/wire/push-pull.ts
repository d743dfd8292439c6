import { MAX_FRAME_BYTES, MAX_FRAME_NODES, MAX_META_BYTES, MAX_NAME_BYTES } from "./limits.ts";
import { MESSAGE_TYPE, NODE_STATES, type NodeState } from "./message-type.ts";
import { MsgpackReader } from "./msgpack-reader.ts";
import { MsgpackWriter } from "./msgpack-writer.ts";
import { bool, bytesField, type Field, recordCodec, textField, uint16, uint32, uintField } from "./record.ts";
import { reject } from "./wire-error.ts";

/** One node as the sender of a push/pull knows it. Records: memberlist v0.7.0, net.go. */
export interface PushedNode {
  name: string;
  addr: Buffer;
  port: number;
  meta: Buffer;
  incarnation: number;
  state: NodeState;
  vsn: Buffer;
}

/** All that a node knows, sent both ways. */
export interface PushPull {
  readonly join: boolean;
  readonly nodes: readonly PushedNode[];
  /** What is built on top adds (Serf: its clocks and recent events). */
  readonly userState: Buffer;
}

interface Header {
  nodes: number;
  userStateLen: number;
  join: boolean;
}

export const pushPullHeaderCodec = recordCodec<Header>("a push/pull's header", {
  nodes: uintField(MAX_FRAME_NODES),
  userStateLen: uintField(MAX_FRAME_BYTES),
  join: bool,
});

const state: Field<NodeState> = {
  absent: "alive",
  write: (writer, value) => writer.uint(NODE_STATES.indexOf(value)),
  read: (reader) => NODE_STATES[reader.uint(NODE_STATES.length - 1)] ?? "alive",
};

const nodeCodec = recordCodec<PushedNode>("a push/pull's node", {
  name: textField(MAX_NAME_BYTES),
  addr: bytesField(16),
  port: uint16,
  meta: bytesField(MAX_META_BYTES),
  incarnation: uint32,
  state,
  vsn: bytesField(16),
});

export function encodePushPull({ join, nodes, userState }: PushPull): Buffer {
  const writer = new MsgpackWriter(64 + nodes.length * 128 + userState.length);
  writer.byte(MESSAGE_TYPE.pushPull);
  pushPullHeaderCodec.write(writer, { nodes: nodes.length, userStateLen: userState.length, join });
  for (const node of nodes) nodeCodec.write(writer, node);
  writer.raw(userState);
  return writer.done();
}

/** What follows the type's byte. */
export function decodePushPull(buffer: Buffer): PushPull {
  const reader = new MsgpackReader(buffer, "a push/pull");
  const header = pushPullHeaderCodec.read(reader);
  const nodes: PushedNode[] = [];
  for (let index = 0; index < header.nodes; index += 1) nodes.push(nodeCodec.read(reader));
  const end = reader.offset + header.userStateLen;
  if (end > buffer.length) reject("a push/pull", "it ends within its user state");
  return { join: header.join, nodes, userState: Buffer.from(buffer.subarray(reader.offset, end)) };
}
