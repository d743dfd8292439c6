/** The first byte of a message. Source: memberlist v0.7.0, net.go, `messageType`. */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compressed: 9,
  encrypted: 10,
  nack: 11,
  checksum: 12,
  error: 13,
  label: 244,
} as const;

/** A node's state in a push/pull. Source: memberlist v0.7.0, state.go, `NodeStateType`. */
export const NODE_STATES = ["alive", "suspect", "dead", "left"] as const;
export type NodeState = (typeof NODE_STATES)[number];

/** The protocol versions that are understood. Source: memberlist v0.7.0, net.go, `ProtocolVersionMin` and `Max`. */
export const PROTOCOL_VERSIONS = { min: 1, max: 5 } as const;

/** From which version of the receiver on it understands what. Source: net.go, comments on `ProtocolVersionMax`. */
export const UNDERSTOOD_FROM = { ports: 2, streamPing: 3, nack: 4, checksum: 5 } as const;
