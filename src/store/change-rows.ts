import type { Change } from "./disk.ts";
import type { ObjectState } from "./object-state.ts";
import type { ChangeRows } from "./sqlite-messages.ts";

/** The rows that a change writes: only the registers that are new. */
export function changeRows({ key, arrival, event, before, after }: Change): ChangeRows {
  const sameIncarnation = before !== undefined && after?.uid === before.uid && after.created === before.created;
  const clear = before !== undefined && (!sameIncarnation || after.tombstone !== before.tombstone);
  const base = clear ? undefined : before;
  return {
    key,
    arrival,
    clear,
    uid: after?.uid ?? "",
    created: after?.created ?? "",
    cause: after?.cause,
    registers: after ? newRegisters(after, base) : [],
    event: event && { type: event.type, uid: event.entry.uid, text: event.entry.text() },
  };
}

function newRegisters(after: ObjectState, base: ObjectState | undefined): ChangeRows["registers"] {
  const registers: ChangeRows["registers"][number][] = [];
  const { main, status, binding, deletion, claimants, tombstone } = after;
  if (tombstone !== undefined && tombstone !== base?.tombstone)
    registers.push({ name: "tombstone", stamp: tombstone, content: "" });
  if (main && main !== base?.main)
    registers.push({ name: "main", stamp: main.stamp, content: JSON.stringify(main.content) });
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
