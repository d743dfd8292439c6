import { CLASS, HEADER_BYTES, TYPE } from "./wire.ts";
import type { Query } from "./query.ts";
import { emptyReply, type Reply } from "./reply.ts";

/** A record of the cluster zone, or one taken over from an upstream's answer to chase a CNAME. Names without final dot. */
export type ZoneRecord = { readonly name: string; readonly ttl?: number } & (
  | { readonly type: "A" | "AAAA"; readonly address: Buffer }
  | { readonly type: "CNAME" | "PTR" | "NS"; readonly target: string }
  | { readonly type: "SRV"; readonly target: string; readonly port: number; readonly weight: number }
  | { readonly type: "TXT"; readonly text: string }
  | { readonly type: "SOA"; readonly zone: string }
);

export interface Sections {
  readonly rcode: number;
  readonly answers: readonly ZoneRecord[];
  readonly authorities?: readonly ZoneRecord[];
  readonly additionals?: readonly ZoneRecord[];
  /** Seconds for records that name none. */
  readonly ttl: number;
  readonly orders?: number;
}

/**
 * Encodes our own records. Not dns-packet: that one writes every name in full, and a headless service's addresses would
 * outgrow a UDP answer three times as early.
 */
export function writeReply(query: Query, sections: Sections): Reply {
  const writer = new RecordWriter(query);
  const { answers, authorities = [], additionals = [] } = sections;
  const all = [...answers, ...authorities, ...additionals];
  for (const record of all) writer.write(record, record.ttl ?? sections.ttl);
  return {
    ...emptyReply(sections.rcode),
    authoritative: true,
    counts: [answers.length, authorities.length, additionals.length],
    records: writer.bytes(),
    marks: writer.marks,
    lifetime: Math.min(sections.ttl, ...all.map(({ ttl }) => ttl ?? sections.ttl)),
    orders: sections.orders ?? 1,
  };
}

class RecordWriter {
  readonly marks: { ttl: number; end: number }[] = [];
  readonly #base: number;
  readonly #offsets = new Map<string, number>();
  #buffer = Buffer.allocUnsafe(512);
  #length = 0;

  constructor(query: Query) {
    this.#base = HEADER_BYTES + query.question.length;
    let offset = HEADER_BYTES;
    query.labels.forEach((label, index) => {
      this.#offsets.set(query.labels.slice(index).join("."), offset);
      offset += 1 + label.replace(/\\(.)/g, "$1").length;
    });
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  write(record: ZoneRecord, ttl: number): void {
    this.#name(record.name);
    this.#u16(TYPE[record.type]);
    this.#u16(CLASS.IN);
    const ttlAt = this.#length;
    this.#u32(ttl);
    const sizeAt = this.#length;
    this.#u16(0);
    this.#data(record, ttl);
    this.#buffer.writeUInt16BE(this.#length - sizeAt - 2, sizeAt);
    this.marks.push({ ttl: ttlAt, end: this.#length });
  }

  #data(record: ZoneRecord, ttl: number): void {
    switch (record.type) {
      case "A":
      case "AAAA":
        return this.#raw(record.address);
      case "CNAME":
      case "PTR":
      case "NS":
        return this.#name(record.target);
      case "SRV":
        this.#u16(0);
        this.#u16(record.weight);
        this.#u16(record.port);
        // RFC 2782 forbids to compress the target.
        return this.#name(record.target, false);
      case "TXT":
        return this.#raw(Buffer.concat([Buffer.from([record.text.length]), Buffer.from(record.text, "latin1")]));
      case "SOA":
        this.#name(`ns.dns.${record.zone}`);
        this.#name(`hostmaster.${record.zone}`);
        // Serial, refresh, retry, expire: nobody transfers this zone, the numbers only have to be legal. The last is the
        // time for which a name's absence may be remembered (RFC 2308).
        return [1, 7200, 1800, 86_400, ttl].forEach((value) => this.#u32(value));
    }
  }

  #name(name: string, compress = true): void {
    const labels = name === "" ? [] : name.split(".");
    for (let index = 0; index < labels.length; index++) {
      const suffix = labels.slice(index).join(".");
      const known = this.#offsets.get(suffix);
      if (compress && known !== undefined) return this.#u16(0xc000 | known);
      const here = this.#base + this.#length;
      if (known === undefined && here < 0x4000) this.#offsets.set(suffix, here);
      const label = Buffer.from(labels[index]!, "latin1");
      this.#raw(Buffer.from([label.length]));
      this.#raw(label);
    }
    this.#raw(Buffer.from([0]));
  }

  #u16(value: number): void {
    this.#reserve(2);
    this.#length = this.#buffer.writeUInt16BE(value, this.#length);
  }

  #u32(value: number): void {
    this.#reserve(4);
    this.#length = this.#buffer.writeUInt32BE(value, this.#length);
  }

  #raw(bytes: Buffer): void {
    this.#reserve(bytes.length);
    this.#length += bytes.copy(this.#buffer, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
