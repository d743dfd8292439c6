import { DatabaseSync } from "node:sqlite";
import type { Arrival } from "./arrival-numbers.ts";
import type { DiskContents, LoggedEvent } from "./disk.ts";
import type { Claimants, Content, Deletion, ObjectState } from "./object-state.ts";
import type { StoreEvent } from "./port.ts";
import type { RegisterName } from "./sqlite-messages.ts";

type StoredState = DiskContents["states"][number];

/** Reads everything that a store starts with. Throws where a row does not hold what was written. */
export function readContents(file: string): DiskContents {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const meta = readMeta(db);
    return {
      incarnation: Number(meta.get("incarnation")),
      lastArrival: Number(meta.get("arrival")),
      lastStamp: meta.get("stamp") ?? "",
      states: readStates(db),
    };
  } finally {
    db.close();
  }
}

/** A resource's logged events in (after, upTo]; undefined when the log has been cut after `after`. */
export function readLog(
  file: string,
  resource: string,
  { after, upTo }: { readonly after: Arrival; readonly upTo: Arrival },
): LoggedEvent[] | undefined {
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.exec("BEGIN");
    if (after < Number(readMeta(db).get("horizon"))) return undefined;
    return db
      .prepare("SELECT * FROM log WHERE resource = ? AND arrival > ? AND arrival <= ? ORDER BY arrival")
      .all(resource, after, upTo)
      .map((row) => ({
        arrival: Number(row["arrival"]),
        type: String(row["type"]) as StoreEvent["type"],
        key: { resource, namespace: String(row["namespace"]), name: String(row["name"]) },
        uid: String(row["uid"]),
        text: String(row["content"]),
      }));
  } finally {
    db.close();
  }
}

function readMeta(db: DatabaseSync): Map<string, string> {
  const rows = db.prepare("SELECT name, value FROM meta").all();
  return new Map(rows.map((row) => [String(row["name"]), String(row["value"])]));
}

function readStates(db: DatabaseSync): StoredState[] {
  const states: { state: ObjectState; arrival: Arrival }[] = [];
  for (const row of db.prepare("SELECT * FROM registers ORDER BY resource, namespace, name").iterate()) {
    const state = readRegister(row);
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

function readRegister(row: Record<string, unknown>): ObjectState {
  const [stamp, content] = [String(row["stamp"]), String(row["content"])];
  const register = String(row["register"]) as RegisterName;
  return {
    key: { resource: String(row["resource"]), namespace: String(row["namespace"]), name: String(row["name"]) },
    uid: String(row["uid"]),
    created: String(row["created"]),
    ...(typeof row["cause"] === "string" ? { cause: row["cause"] } : {}),
    ...readValue(register, stamp, content),
  };
}

function readValue(register: RegisterName, stamp: string, content: string): Partial<ObjectState> {
  switch (register) {
    case "main":
    case "status":
      return { [register]: { stamp, content: JSON.parse(content) as Content } };
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
