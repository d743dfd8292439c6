import type { KubeObject } from "../../api/kinds.ts";
import type { Arrival } from "./arrival-numbers.ts";
import type { LoggedEvent } from "../disk/disk.ts";
import { keyId } from "../object-state.ts";
import type { Entry, StoreEvent } from "../port.ts";

/** Makes events of log rows. The version before is known where the replay has it. */
export function replayLog(rows: readonly LoggedEvent[], format: (arrival: Arrival) => string): StoreEvent[] {
  const latest = new Map<string, Entry>();
  return rows.map((row) => {
    const entry = loggedEntry(row, format(row.arrival));
    const id = keyId(row.key);
    const previous = row.type === "ADDED" ? undefined : latest.get(id);
    latest.set(id, entry);
    return { type: row.type, entry, previous };
  });
}

function loggedEntry({ key, uid, text }: LoggedEvent, resourceVersion: string): Entry {
  let object: KubeObject | undefined;
  let json: Buffer | undefined;
  return {
    key,
    uid,
    resourceVersion,
    get object() {
      object ??= JSON.parse(text) as KubeObject;
      return object;
    },
    json: () => (json ??= Buffer.from(text)),
  };
}
