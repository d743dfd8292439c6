import type { Served } from "../../api/catalog.ts";
import type { RowContext } from "../../api/kind.ts";
import type { KubeObject } from "../../api/kinds.ts";
import type { Entry } from "../../store/port.ts";

/** How stored objects look to a client: in the served version, whole, or as a Table or as their metadata alone. */

const converted = new WeakMap<Entry, Map<string, Buffer>>();

/** The object in a served version. Shared where that is the storage version: must not be changed. */
export function inVersion({ version }: Served, object: KubeObject): KubeObject {
  return version.fromStorage ? version.fromStorage(object) : object;
}

/** UTF-8 JSON in a served version, made once for each version of an object. */
export function entryJson(served: Served, entry: Entry): Buffer {
  const { apiVersion, fromStorage } = served.version;
  if (!fromStorage) return entry.json();
  const known = converted.get(entry) ?? new Map<string, Buffer>();
  converted.set(entry, known);
  const cached = known.get(apiVersion);
  if (cached) return cached;
  const json = Buffer.from(JSON.stringify(fromStorage(entry.object)));
  known.set(apiVersion, json);
  return json;
}

export type IncludeObject = "Metadata" | "None" | "Object";

export interface TableOptions extends RowContext {
  readonly includeObject: IncludeObject;
  /** Later tables of a watch leave the columns out, as upstream's do. */
  readonly columns: boolean;
  readonly metadata?: object;
}

/** meta.k8s.io/v1 Table: what `kubectl get` prints. */
export function table(served: Served, objects: readonly KubeObject[], options: TableOptions): object {
  const { declaration } = served;
  const { includeObject, columns, now, metadata = {} } = options;
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata,
    columnDefinitions: columns ? declaration.columns : null,
    rows: objects.map((object) => ({
      cells: declaration.row(object, { now }),
      ...(includeObject === "None" ? {} : { object: rowObject(served, object, includeObject) }),
    })),
  };
}

function rowObject(served: Served, object: KubeObject, include: IncludeObject): object {
  return include === "Object" ? inVersion(served, object) : partialMetadata(object);
}

export function partialMetadata(object: KubeObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata };
}
