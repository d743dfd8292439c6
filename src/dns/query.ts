import { CLASS, FLAG, HEADER_BYTES, RCODE, TYPE } from "./wire.ts";

/** One question of a client, parsed. */
export interface Query {
  readonly id: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** Lower case, labels joined by dots; a dot or backslash within a label is escaped. "" is the root. */
  readonly name: string;
  readonly labels: readonly string[];
  readonly type: number;
  readonly class: number;
  /** The question section as the client wrote it, echoed byte for byte: its case is the client's (0x20). */
  readonly question: Buffer;
  readonly edns?: { readonly size: number; readonly dnssec: boolean };
  /** The address of who asks; none for our own questions. */
  readonly client?: string | undefined;
}

/** A message that cannot be served: what to answer, with the question echoed where it could be read. */
export interface BadQuery {
  readonly id: number;
  readonly rcode: number;
  readonly opcode: number;
  readonly question: Buffer;
  readonly edns: boolean;
}

const NO_QUESTION = Buffer.alloc(0);

/** Parses what came from a client. Undefined for what must not be answered: responses and scraps. Never throws. */
export function parseQuery(message: Buffer): { query: Query } | { bad: BadQuery } | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & FLAG.QR) return undefined;
  const id = message.readUInt16BE(0);
  const opcode = (flags >> 11) & 15;
  const bad = (rcode: number, question = NO_QUESTION, edns = false): { bad: BadQuery } => ({
    bad: { id, rcode, opcode, question, edns },
  });
  if (opcode !== 0) return bad(RCODE.NOTIMP);
  if (message.readUInt16BE(4) !== 1 || message.readUInt16BE(6) !== 0) return bad(RCODE.FORMERR);

  const labels = readLabels(message, HEADER_BYTES);
  if (labels === undefined || labels.end + 4 > message.length) return bad(RCODE.FORMERR);
  const end = labels.end + 4;
  // A copy: the caller's buffer may be part of a larger one that is reused.
  const question = Buffer.from(message.subarray(HEADER_BYTES, end));
  const additional = readAdditional(message, end);
  if (additional === undefined) return bad(RCODE.FORMERR, question);
  if (additional.version !== 0) return bad(RCODE.BADVERS, question, true);
  const type = message.readUInt16BE(labels.end);
  const recordClass = message.readUInt16BE(labels.end + 2);
  if (type === TYPE.AXFR || type === TYPE.IXFR || (recordClass !== CLASS.IN && recordClass !== CLASS.ANY)) {
    return bad(RCODE.REFUSED, question, additional.edns !== undefined);
  }
  return {
    query: {
      id,
      recursionDesired: (flags & FLAG.RD) !== 0,
      checkingDisabled: (flags & FLAG.CD) !== 0,
      name: labels.labels.join("."),
      labels: labels.labels,
      type,
      class: recordClass,
      question,
      ...(additional.edns === undefined ? {} : { edns: additional.edns }),
    },
  };
}

/** A query of our own for another name, in the circumstances of the client's. */
export function queryFor(query: Query, name: string): Query {
  const labels = name === "" ? [] : name.split(".");
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(query.type, 1);
  tail.writeUInt16BE(query.class, 3);
  const question = Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])),
    tail,
  ]);
  return { ...query, name, labels, question };
}

/** An uncompressed name, as a question holds it: RFC 1035 allows labels of 63 and names of 255 bytes. */
function readLabels(message: Buffer, start: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > 63 || offset - start > 254) return undefined;
    offset += 1;
    if (length === 0) return { labels, end: offset };
    if (offset + length > message.length) return undefined;
    const label = message.toString("latin1", offset, offset + length);
    labels.push(/[^a-z0-9_-]/.test(label) ? plainLabel(label) : label);
    offset += length;
  }
}

/** Lower case for ASCII only, as DNS compares; what would read as a boundary of labels is escaped. */
function plainLabel(label: string): string {
  return label.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()).replace(/[.\\]/g, "\\$&");
}

/** Finds the OPT record (RFC 6891) behind the question; other additional records (TSIG) are not looked at. */
function readAdditional(
  message: Buffer,
  start: number,
): { edns?: Query["edns"] & object; version: number } | undefined {
  if (message.readUInt16BE(8) !== 0) return undefined;
  const count = message.readUInt16BE(10);
  let offset = start;
  let found: { edns: { size: number; dnssec: boolean }; version: number } | undefined;
  for (let index = 0; index < count; index++) {
    const name = readLabels(message, offset);
    if (name === undefined || name.end + 10 > message.length) return undefined;
    const end = name.end + 10 + message.readUInt16BE(name.end + 8);
    if (end > message.length) return undefined;
    if (message.readUInt16BE(name.end) === TYPE.OPT) {
      if (found !== undefined || name.labels.length > 0) return undefined;
      const ttl = message.readUInt32BE(name.end + 4);
      found = {
        edns: { size: message.readUInt16BE(name.end + 2), dnssec: (ttl & 0x8000) !== 0 },
        version: (ttl >>> 16) & 255,
      };
    }
    offset = end;
  }
  return found ?? { version: 0 };
}
