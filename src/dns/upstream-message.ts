import { emptyReply, type Reply } from "./reply.ts";
import { FLAG, HEADER_BYTES, RCODE, TYPE } from "./wire.ts";

/** What an upstream's message is to the query that we sent. "foreign" is not an answer to it: possibly a spoof. */
export type UpstreamMessage = { readonly reply: Reply; readonly truncated: boolean } | "foreign" | "malformed";

/** Reads an upstream's answer to `sent` without touching its records: unknown types pass through. Never throws. */
export function readUpstreamMessage(message: Buffer, sent: Buffer): UpstreamMessage {
  if (message.length < HEADER_BYTES || message.readUInt16BE(0) !== sent.readUInt16BE(0)) return "foreign";
  const flags = message.readUInt16BE(2);
  if (!(flags & FLAG.QR)) return "foreign";
  const rcode = flags & 15;
  const questions = message.readUInt16BE(4);
  // Old servers answer FORMERR without the question to a query with EDNS.
  if (questions === 0 && rcode !== RCODE.NOERROR) return { reply: emptyReply(rcode), truncated: false };
  const start = questionEnd(sent);
  if (questions !== 1 || !sameQuestion(message, sent, start)) return "foreign";

  const counts: [number, number, number] = [message.readUInt16BE(6), message.readUInt16BE(8), message.readUInt16BE(10)];
  const walked = walkRecords(message, start, counts);
  if (walked === undefined)
    return (flags & FLAG.TC) !== 0 ? { reply: emptyReply(rcode), truncated: true } : "malformed";
  const end = walked.marks.at(-1)?.end ?? 0;
  return {
    truncated: (flags & FLAG.TC) !== 0,
    reply: {
      ...emptyReply(rcode),
      authentic: (flags & FLAG.AD) !== 0,
      counts: walked.counts,
      records: Buffer.from(message.subarray(start, start + end)),
      marks: walked.marks,
      lifetime: rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? walked.lifetime : 0,
    },
  };
}

function questionEnd(sent: Buffer): number {
  let offset = HEADER_BYTES;
  while (sent[offset]! > 0) offset += 1 + sent[offset]!;
  return offset + 5;
}

function sameQuestion(message: Buffer, sent: Buffer, end: number): boolean {
  if (message.length < end) return false;
  for (let offset = HEADER_BYTES; offset < end; offset++) {
    if (lower(message[offset]!) !== lower(sent[offset]!)) return false;
  }
  return true;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

interface Walked {
  readonly counts: [number, number, number];
  readonly marks: { ttl: number; end: number }[];
  readonly lifetime: number;
}

function walkRecords(message: Buffer, start: number, counts: readonly [number, number, number]): Walked | undefined {
  const marks: { ttl: number; end: number }[] = [];
  const [answers, authorities] = counts;
  const total = answers + authorities + counts[2];
  let offset = start;
  let shortest = Infinity;
  let negative: number | undefined;
  for (let index = 0; index < total; index++) {
    const at = nameEnd(message, offset);
    if (at === undefined || at + 10 > message.length) return undefined;
    const end = at + 10 + message.readUInt16BE(at + 8);
    if (end > message.length) return undefined;
    const type = message.readUInt16BE(at);
    // OPT speaks between us and the upstream only. What follows it goes too: it is additional, and bytes in the middle
    // cannot be taken out without breaking later pointers.
    if (type === TYPE.OPT) {
      if (index < answers + authorities) return undefined;
      break;
    }
    // RFC 2181 8: a TTL with the top bit set is 0.
    const ttl = message.readInt32BE(at + 4) < 0 ? 0 : message.readUInt32BE(at + 4);
    shortest = Math.min(shortest, ttl);
    if (type === TYPE.SOA && index >= answers && end - at >= 30)
      negative = Math.min(ttl, message.readUInt32BE(end - 4));
    marks.push({ ttl: at + 4 - start, end: end - start });
    offset = end;
  }
  const additional = marks.length - answers - authorities;
  return {
    counts: [answers, authorities, additional],
    marks,
    // Without an SOA nothing says for how long an absence holds (RFC 2308 5).
    lifetime: answers === 0 ? (negative ?? 0) : Math.min(shortest, negative ?? Infinity),
  };
}

/** Where a possibly compressed name ends. */
function nameEnd(message: Buffer, start: number): number | undefined {
  let offset = start;
  for (;;) {
    const length = message[offset];
    if (length === undefined) return undefined;
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    if (length > 63) return undefined;
    offset += 1 + length;
  }
}
