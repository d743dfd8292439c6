import type { BadQuery, Query } from "./query.ts";
import { FLAG, HEADER_BYTES, PLAIN_UDP_BYTES } from "./wire.ts";

/** An answer that can be sent to every client that asks for the same name, whatever its id, case or limits. */
export interface Reply {
  readonly rcode: number;
  readonly authoritative: boolean;
  /** The upstream says that it validated the answer (AD). */
  readonly authentic: boolean;
  /** Records of the answer, authority and additional sections. */
  readonly counts: readonly [number, number, number];
  /**
   * The records' bytes, without OPT. Their compression pointers count from the message's start, so they are only valid
   * behind a question of the same length: one for the same name.
   */
  readonly records: Buffer;
  /** For each record where its TTL lies and where it ends, from the start of `records`. */
  readonly marks: readonly { readonly ttl: number; readonly end: number }[];
  /** Seconds for which the answer may be kept; 0 for never. */
  readonly lifetime: number;
  /** Seconds since it was fetched, to be taken off its TTLs. */
  readonly age: number;
  /** How many different orders of its records there are worth sending in turn. */
  readonly orders: number;
}

const NO_RECORDS = Buffer.alloc(0);

export function emptyReply(rcode: number): Reply {
  return {
    rcode,
    authoritative: false,
    authentic: false,
    counts: [0, 0, 0],
    records: NO_RECORDS,
    marks: [],
    lifetime: 0,
    age: 0,
    orders: 1,
  };
}

/** What we accept over UDP ourselves, and the most that we send: no fragments on any usual link (DNS flag day 2020). */
const EDNS_UDP_BYTES = 1232;
const MAX_UDP_BYTES = 4096;
const OPT_BYTES = 11;

/** The most bytes that this client takes over UDP. */
export function udpLimit(query: Query): number {
  return Math.min(MAX_UDP_BYTES, Math.max(PLAIN_UDP_BYTES, query.edns?.size ?? 0));
}

/**
 * The bytes for one client. What does not fit is cut at a record's boundary and marked as truncated: some resolvers
 * (musl before 1.2.4) never ask again over TCP and live from what is there.
 */
export function serializeReply(query: Query, reply: Reply, limit: number): Buffer {
  const start = HEADER_BYTES + query.question.length;
  const room = limit - start - (query.edns ? OPT_BYTES : 0);
  let kept = reply.marks.length;
  while (kept > 0 && reply.marks[kept - 1]!.end > room) kept -= 1;
  const length = kept === 0 ? 0 : reply.marks[kept - 1]!.end;
  const counts = keptCounts(reply.counts, kept);
  // Additional records are a courtesy: leaving them out is no truncation (RFC 2181 9).
  const truncated = kept < reply.counts[0] + reply.counts[1];

  const message = Buffer.allocUnsafe(start + length + (query.edns ? OPT_BYTES : 0));
  message.writeUInt16BE(query.id, 0);
  message.writeUInt16BE(
    FLAG.QR |
      FLAG.RA |
      (reply.authoritative ? FLAG.AA : 0) |
      (truncated ? FLAG.TC : 0) |
      (query.recursionDesired ? FLAG.RD : 0) |
      (reply.authentic ? FLAG.AD : 0) |
      (query.checkingDisabled ? FLAG.CD : 0) |
      (reply.rcode & 15),
    2,
  );
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(counts[0], 6);
  message.writeUInt16BE(counts[1], 8);
  message.writeUInt16BE(counts[2] + (query.edns ? 1 : 0), 10);
  query.question.copy(message, HEADER_BYTES);
  reply.records.copy(message, start, 0, length);
  if (reply.age > 0) {
    for (let index = 0; index < kept; index++) {
      const at = start + reply.marks[index]!.ttl;
      message.writeUInt32BE(Math.max(0, message.readUInt32BE(at) - reply.age), at);
    }
  }
  if (query.edns) writeOpt(message, start + length, { rcode: reply.rcode, dnssec: query.edns.dnssec });
  return message;
}

/** The answer to what could not be parsed. */
export function serializeRefusal(bad: BadQuery): Buffer {
  const start = HEADER_BYTES + bad.question.length;
  const message = Buffer.alloc(start + (bad.edns ? OPT_BYTES : 0));
  message.writeUInt16BE(bad.id, 0);
  message.writeUInt16BE(FLAG.QR | (bad.opcode << 11) | (bad.rcode & 15), 2);
  message.writeUInt16BE(bad.question.length > 0 ? 1 : 0, 4);
  message.writeUInt16BE(bad.edns ? 1 : 0, 10);
  bad.question.copy(message, HEADER_BYTES);
  if (bad.edns) writeOpt(message, start, { rcode: bad.rcode, dnssec: false });
  return message;
}

/** A query for an upstream. */
export function serializeQuery(query: Query, id: number): Buffer {
  const start = HEADER_BYTES + query.question.length;
  const message = Buffer.alloc(start + OPT_BYTES);
  message.writeUInt16BE(id, 0);
  message.writeUInt16BE(FLAG.RD | (query.checkingDisabled ? FLAG.CD : 0), 2);
  message.writeUInt16BE(1, 4);
  message.writeUInt16BE(1, 10);
  query.question.copy(message, HEADER_BYTES);
  writeOpt(message, start, { rcode: 0, dnssec: query.edns?.dnssec === true });
  return message;
}

/** RFC 6891 6.1.2: root name, type 41, our size, upper bits of the rcode, version 0, DO. */
function writeOpt(message: Buffer, at: number, { rcode, dnssec }: { rcode: number; dnssec: boolean }): void {
  message.writeUInt8(0, at);
  message.writeUInt16BE(41, at + 1);
  message.writeUInt16BE(EDNS_UDP_BYTES, at + 3);
  message.writeUInt32BE(((rcode >> 4) << 24) | (dnssec ? 0x8000 : 0), at + 5);
  message.writeUInt16BE(0, at + 9);
}

function keptCounts([answers, authorities]: Reply["counts"], kept: number): [number, number, number] {
  const answer = Math.min(kept, answers);
  const authority = Math.min(kept - answer, authorities);
  return [answer, authority, kept - answer - authority];
}
