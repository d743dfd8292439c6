import { DatabaseSync } from "node:sqlite";
import type { Arrival } from "../arrivals/arrival-numbers.ts";
import type { DiskContents, LoggedEvent } from "./disk.ts";
import type { History } from "../merge/history.ts";
import type { Claimants, Content, Deletion, ObjectState } from "../object-state.ts";
import { SEALED_REGISTERS } from "./change-rows.ts";
import type { Key, StoreEvent } from "../port.ts";
import { eventContext, registerContext, SealError, type Sealer } from "../sealer.ts";
import type { RegisterName, ResealedRows } from "./sqlite-messages.ts";

type StoredState = DiskContents["states"][number];

/** Reads everything that a store starts with. Throws where a row does not hold what was written. */
export function readContents(file: string, sealer?: Sealer): DiskContents {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const meta = readMeta(db);
    return {
      incarnation: Number(meta.get("incarnation")),
      lastArrival: Number(meta.get("arrival")),
      lastStamp: meta.get("stamp") ?? "",
      states: readStates(db, sealer),
    };
  } finally {
    db.close();
  }
}

/** A resource's logged events in (after, upTo]; undefined when the log has been cut after `after`. */
export function readLog(
  file: string,
  resource: string,
  { after, upTo, sealer }: { readonly after: Arrival; readonly upTo: Arrival; readonly sealer?: Sealer | undefined },
): LoggedEvent[] | undefined {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.exec("BEGIN");
    if (after < Number(readMeta(db).get("horizon"))) return undefined;
    return db
      .prepare("SELECT * FROM log WHERE resource = ? AND arrival > ? AND arrival <= ? ORDER BY arrival")
      .all(resource, after, upTo)
      .map((row) => {
        const key = { resource, namespace: String(row["namespace"]), name: String(row["name"]) };
        const [uid, arrival] = [String(row["uid"]), Number(row["arrival"])];
        const text = contentOf(row, eventContext(key, { uid, arrival }), sealer);
        return { arrival, type: String(row["type"]) as StoreEvent["type"], key, uid, text };
      });
  } finally {
    db.close();
  }
}

/** The ids of all keys that have sealed something in here. */
export function readSealingKeys(file: string): string[] {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return db
      .prepare(
        "SELECT sealed_by FROM registers WHERE sealed_by NOT NULL UNION SELECT sealed_by FROM log WHERE sealed_by NOT NULL",
      )
      .all()
      .map((row) => String(row["sealed_by"]));
  } finally {
    db.close();
  }
}

/** Whether plain secrets of an older version may still lie in the file or beside it. */
export function mayHoldPlain(file: string): boolean {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    return readMeta(db).has("plain");
  } finally {
    db.close();
  }
}

/** Up to `limit` rows of each table that the current key has not sealed, sealed by it; undefined when there are none. */
export function readResealed(file: string, sealer: Sealer, limit: number): ResealedRows | undefined {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const { keyId } = sealer;
    const stale = "sealed_by IS NOT ?";
    const covered = db
      .prepare("SELECT resource FROM registers UNION SELECT resource FROM log")
      .all()
      .map((row) => String(row["resource"]))
      .filter((resource) => sealer.covers(resource));
    const names = SEALED_REGISTERS.map((name) => `'${name}'`).join(", ");
    const registers = db.prepare(
      `SELECT * FROM registers WHERE resource = ? AND register IN (${names}) AND ${stale} LIMIT ?`,
    );
    const events = db.prepare(`SELECT * FROM log WHERE resource = ? AND ${stale} LIMIT ?`);
    const rows = {
      registers: covered.flatMap((one) => registers.all(one, keyId, limit).map((row) => resealRegister(row, sealer))),
      events: covered.flatMap((one) => events.all(one, keyId, limit).map((row) => resealEvent(row, sealer))),
    };
    return rows.registers.length + rows.events.length === 0 ? undefined : rows;
  } finally {
    db.close();
  }
}

type Row = Record<string, unknown>;

function resealRegister(row: Row, sealer: Sealer): ResealedRows["registers"][number] {
  const [of, register] = [keyOf(row), String(row["register"])];
  const context = registerContext(of, { uid: String(row["uid"]), register, stamp: String(row["stamp"]) });
  const arrival = Number(row["arrival"]);
  return { of, register, arrival, ...sealer.seal(contentOf(row, context, sealer), context) };
}

function resealEvent(row: Row, sealer: Sealer): ResealedRows["events"][number] {
  const arrival = Number(row["arrival"]);
  const context = eventContext(keyOf(row), { uid: String(row["uid"]), arrival });
  return { arrival, ...sealer.seal(contentOf(row, context, sealer), context) };
}

function contentOf(row: Row, context: string, sealer: Sealer | undefined): string {
  const [content, key] = [String(row["content"]), row["sealed_by"]];
  if (typeof key !== "string") return content;
  if (!sealer) throw new SealError(`its secrets are encrypted with the data key ${key}, and there is none`);
  return sealer.open({ key, text: content }, context);
}

function keyOf(row: Row): Key {
  return { resource: String(row["resource"]), namespace: String(row["namespace"]), name: String(row["name"]) };
}

function readMeta(db: DatabaseSync): Map<string, string> {
  const rows = db.prepare("SELECT name, value FROM meta").all();
  return new Map(rows.map((row) => [String(row["name"]), String(row["value"])]));
}

function readStates(db: DatabaseSync, sealer: Sealer | undefined): StoredState[] {
  const states: { state: ObjectState; arrival: Arrival }[] = [];
  for (const row of db.prepare("SELECT * FROM registers ORDER BY resource, namespace, name").iterate()) {
    const state = readRegister(row, sealer);
    const arrival = Number(row["arrival"]);
    const last = states.at(-1);
    if (last && isSameKey(last.state, state)) {
      last.state = { ...last.state, ...state };
      last.arrival = Math.max(last.arrival, arrival);
    } else states.push({ state, arrival });
  }
  return states;
}

function isSameKey({ key: a }: ObjectState, { key: b }: ObjectState): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.resource === b.resource;
}

function readRegister(row: Row, sealer: Sealer | undefined): ObjectState {
  const [key, uid, stamp] = [keyOf(row), String(row["uid"]), String(row["stamp"])];
  const register = String(row["register"]) as RegisterName;
  const content =
    row["sealed_by"] === null
      ? String(row["content"])
      : contentOf(row, registerContext(key, { uid, register, stamp }), sealer);
  return {
    key,
    uid,
    created: String(row["created"]),
    ...(typeof row["cause"] === "string" ? { cause: row["cause"] } : {}),
    ...(typeof row["seen"] === "string" ? { seen: JSON.parse(row["seen"]) as History } : {}),
    ...readValue(register, { stamp, content, by: row["written_by"] }),
  };
}

function readValue(
  register: RegisterName,
  { stamp, content, by }: { readonly stamp: string; readonly content: string; readonly by: unknown },
): Partial<ObjectState> {
  switch (register) {
    case "main":
    case "status":
      return {
        [register]: {
          stamp,
          content: JSON.parse(content) as Content,
          ...(typeof by === "string" ? { by } : {}),
        },
      };
    case "binding":
      return { binding: { stamp, nodeName: content } };
    case "deletion":
      return { deletion: JSON.parse(content) as Deletion };
    case "claimants":
      return { claimants: JSON.parse(content) as Claimants };
    case "tombstone":
      return { tombstone: stamp };
  }
}
