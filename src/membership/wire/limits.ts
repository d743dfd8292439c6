/**
 * Every length that a peer can choose has a limit here. "Go" is HashiCorp's memberlist v0.7.0; where ours is lower,
 * the reason is given.
 */

/** net.go `MetaMaxSize`. */
export const MAX_META_BYTES = 512;
/** Go has none; Kubernetes' node names, which these are, have at most 253 characters. */
export const MAX_NAME_BYTES = 255;
/** label.go `LabelMaxSize`: the length is one byte. */
export const MAX_LABEL_BYTES = 255;
/** net.go `maxPushStateBytes` and `maxUserMsgBytes`. */
export const MAX_FRAME_BYTES = 20 * 1024 * 1024;
/** Go: 40 MiB (`maxDecompressedBytes`). Ours is what an uncompressed frame may have. */
export const MAX_DECOMPRESSED_FRAME_BYTES = 20 * 1024 * 1024;
/** Go: as for frames. No sender makes a packet from more than the 64 KiB that UDP carries. */
export const MAX_DECOMPRESSED_PACKET_BYTES = 256 * 1024;
/** Go: none. Senders nest three deep: checksum, compression, compound. */
export const MAX_PACKET_NESTING = 4;
/** Go: 1,048,576 (`maxPushStateNodes`), which would need a gigabyte of objects here. */
export const MAX_FRAME_NODES = 65_536;
/** Go: none. An error's text, an acknowledgement's payload (Serf: its coordinates, below 300 bytes). */
export const MAX_TEXT_BYTES = 4096;
export const MAX_PAYLOAD_BYTES = 65_536;
/** Records have at most eight fields; the rest is room for later versions. */
export const MAX_RECORD_FIELDS = 64;
/** How deep an unknown field may nest. */
export const MAX_VALUE_NESTING = 16;
