import { decode } from "dns-packet";
import type { Random } from "../lib/random.ts";
import type { AnswerTable, Resolution } from "./answer-table.ts";
import type { DnsHandler, Next } from "./chain.ts";
import { ipBytes } from "./ip-bytes.ts";
import { queryFor, type Query } from "./query.ts";
import { writeReply, type ZoneRecord } from "./record-writer.ts";
import { emptyReply, serializeReply, type Reply } from "./reply.ts";
import { RCODE, TYPE } from "./wire.ts";

/** ExternalName services may point at one another; upstream's resolvers give up at about this depth too. */
const MAX_CHASE = 8;
/** More different orders than this do not spread clients any better. */
const MAX_ORDERS = 8;
const MAX_MESSAGE = 65_535;

/** Answers the cluster's own names from the snapshot's table; everything else is passed on. */
export class ClusterZone implements DnsHandler {
  readonly name = "cluster-zone";
  readonly #random: Random;
  #table: AnswerTable | undefined;
  /** At most four for each length of a question. */
  readonly #negatives = new Map<number, Reply>();
  #turn: number;

  constructor({ random }: { random: Random }) {
    this.#random = random;
    this.#turn = Math.floor(this.#random.next() * 1024);
  }

  use(table: AnswerTable): void {
    this.#table = table;
    this.#negatives.clear();
  }

  serve(query: Query, next: Next): Reply | Promise<Reply> {
    // Without a snapshot nobody knows which names are ours: a resolver asks again after SERVFAIL, not after NXDOMAIN.
    if (this.#table === undefined) return emptyReply(RCODE.SERVFAIL);
    const table = this.#table;
    const resolution = table.resolve(query.labels, query.type);
    if (resolution === undefined) return next(query);
    if (resolution.kind === "alias") return this.#chase(query, { table, next, target: resolution.target });
    return this.#answer(query, table, resolution);
  }

  #answer(query: Query, table: AnswerTable, resolution: Exclude<Resolution, { kind: "alias" }>): Reply {
    const { ttl } = table.snapshot;
    const records = resolution.kind === "found" ? resolution.records : [];
    if (records.length === 0)
      return this.#negative(query, table, resolution.kind === "absent" ? RCODE.NXDOMAIN : RCODE.NOERROR);
    const turn = this.#turn++ % records.length;
    const additionals = (resolution.kind === "found" && resolution.additionals) || [];
    return writeReply(query, {
      rcode: RCODE.NOERROR,
      answers: turn === 0 ? records : [...records.slice(turn), ...records.slice(0, turn)],
      additionals,
      ttl,
      orders: Math.min(records.length, MAX_ORDERS),
    });
  }

  /**
   * With search domains most questions are for names that do not exist. Their answers differ only in the question, and
   * their pointers into it only by its length and by whether it ends with the zone's name: so they are made once.
   */
  #negative(query: Query, table: AnswerTable, rcode: number): Reply {
    const { domain, ttl } = table.snapshot;
    const key =
      query.question.length * 4 + (rcode === RCODE.NOERROR ? 0 : 2) + (query.labels.at(-1) === "arpa" ? 1 : 0);
    let reply = this.#negatives.get(key);
    if (reply === undefined) {
      const authorities = [{ name: domain, type: "SOA", zone: domain } as const];
      reply = writeReply(query, { rcode, answers: [], authorities, ttl });
      this.#negatives.set(key, reply);
    }
    return reply;
  }

  /** Follows an ExternalName to addresses: the resolvers in containers do not follow a CNAME themselves. */
  async #chase(
    query: Query,
    { table, next, target }: { table: AnswerTable; next: Next; target: string },
  ): Promise<Reply> {
    const answers: ZoneRecord[] = [{ name: query.name, type: "CNAME", target }];
    const done = (rcode: number, more: readonly ZoneRecord[] = []): Reply =>
      writeReply(query, { rcode, answers: [...answers, ...more], ttl: table.snapshot.ttl });
    let goal = target;
    while (query.type !== TYPE.CNAME) {
      const further = table.resolve(goal.split("."), query.type);
      if (further === undefined) {
        const wanted = queryFor(query, goal);
        const reply = await next(wanted);
        return done(reply.rcode, addressesOf(wanted, reply));
      }
      if (further.kind === "absent") return done(RCODE.NXDOMAIN);
      if (further.kind === "found") return done(RCODE.NOERROR, further.records);
      if (answers.length >= MAX_CHASE) return done(RCODE.SERVFAIL);
      answers.push({ name: goal, type: "CNAME", target: further.target });
      goal = further.target;
    }
    return done(RCODE.NOERROR);
  }
}

/** The addresses, and the aliases that lead to them, of an answer from elsewhere. */
function addressesOf(query: Query, reply: Reply): ZoneRecord[] {
  if (reply.counts[0] === 0) return [];
  let answers;
  try {
    answers = decode(serializeReply(query, reply, MAX_MESSAGE)).answers ?? [];
  } catch {
    // Upstreams send what they like: an answer that cannot be read adds nothing to ours, which stands for itself.
    return [];
  }
  return answers.flatMap((answer): ZoneRecord[] => {
    if (answer.type === "CNAME")
      return [{ name: answer.name, type: "CNAME", target: answer.data, ttl: answer.ttl ?? 0 }];
    if (answer.type !== "A" && answer.type !== "AAAA") return [];
    const address = ipBytes(answer.data);
    return address === undefined ? [] : [{ name: answer.name, type: answer.type, address, ttl: answer.ttl ?? 0 }];
  });
}
