import type { Change } from "./disk.ts";
import type { Arrival } from "../arrivals/arrival-numbers.ts";
import type { ObjectEntry } from "../object-entry.ts";
import type { ObjectState } from "../object-state.ts";
import { eventContext, registerContext, type Sealer } from "../sealer.ts";
import type { ChangeRows } from "./sqlite-messages.ts";

/** The rows that a change writes: only the registers that are new. */
export function changeRows({ key, arrival, event, before, after }: Change, sealer?: Sealer): ChangeRows {
  const sameIncarnation = before !== undefined && after?.uid === before.uid && after.created === before.created;
  const clear = before !== undefined && (!sameIncarnation || after.tombstone !== before.tombstone);
  const base = clear ? undefined : before;
  const own = sealer?.covers(key.resource) ? sealer : undefined;
  const registers = after ? newRegisters(after, base) : [];
  return {
    key,
    arrival,
    clear,
    uid: after?.uid ?? "",
    created: after?.created ?? "",
    cause: after?.cause,
    registers: own && after ? registers.map((register) => sealedRegister(register, after, own)) : registers,
    event: event && { type: event.type, uid: event.entry.uid, ...eventText(event.entry, arrival, own) },
  };
}

/** The two registers that hold what a user wrote; the others are names and times. */
export const SEALED_REGISTERS: readonly string[] = ["main", "status"];

type Row = ChangeRows["registers"][number];

function sealedRegister(row: Row, { key, uid }: ObjectState, sealer: Sealer): Row {
  if (!SEALED_REGISTERS.includes(row.name)) return row;
  const { key: sealedBy, text } = sealer.seal(
    row.content,
    registerContext(key, { uid, register: row.name, stamp: row.stamp }),
  );
  return { ...row, content: text, sealedBy };
}

function eventText(
  entry: ObjectEntry,
  arrival: Arrival,
  sealer: Sealer | undefined,
): { text: string; sealedBy?: string } {
  if (!sealer) return { text: entry.text() };
  const { key: sealedBy, text } = sealer.seal(entry.text(), eventContext(entry.key, { uid: entry.uid, arrival }));
  return { text, sealedBy };
}

function newRegisters(after: ObjectState, base: ObjectState | undefined): ChangeRows["registers"] {
  const registers: ChangeRows["registers"][number][] = [];
  const { main, status, binding, deletion, claimants, tombstone } = after;
  // What has been seen stands beside what has seen it.
  const seen = after.seen && JSON.stringify(after.seen);
  const seesMore = after.seen !== base?.seen;
  if (tombstone !== undefined && (tombstone !== base?.tombstone || seesMore))
    registers.push({ name: "tombstone", stamp: tombstone, content: "", seen });
  if (main && (main !== base?.main || seesMore)) {
    const { stamp, content, by } = main;
    registers.push({ name: "main", stamp, content: JSON.stringify(content), by, seen });
  }
  if (status && status !== base?.status)
    registers.push({ name: "status", stamp: status.stamp, content: JSON.stringify(status.content) });
  if (binding && binding !== base?.binding)
    registers.push({ name: "binding", stamp: binding.stamp, content: binding.nodeName });
  if (deletion && deletion !== base?.deletion)
    registers.push({ name: "deletion", stamp: after.created, content: JSON.stringify(deletion) });
  if (claimants && claimants !== base?.claimants)
    registers.push({ name: "claimants", stamp: after.created, content: JSON.stringify(claimants) });
  return registers;
}
