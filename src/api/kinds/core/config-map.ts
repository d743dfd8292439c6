import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { forbidden, invalid, tooLong } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { ConfigMap } from "../../kinds.ts";
import { configKeyProblems } from "../../validation/names.ts";

/** Of keys and values together (core `MaxSecretSize`). */
export const DATA_LIMIT = 1024 * 1024;

export const configMap = declareKind({
  kind: "ConfigMap",
  plural: "configmaps",
  shortNames: ["cm"],
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.ConfigMap" }],
  columns: [NAME, column("Data", "How many entries it has."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    String(count(object.data) + count(object.binaryData)),
    ageCell(object, context),
  ],
  validate: (object) => {
    const { data = {}, binaryData = {} } = object;
    const errors = [...keyErrors(data, "data"), ...keyErrors(binaryData, "binaryData")];
    for (const key of Object.keys(binaryData)) {
      if (Object.hasOwn(data, key)) errors.push(invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
    }
    const size = Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), base64Size(binaryData));
    return size > DATA_LIMIT ? [...errors, tooLong("", DATA_LIMIT)] : errors;
  },
  validateUpdate: immutableErrors,
});

export function count(map: object | undefined): number {
  return Object.keys(map ?? {}).length;
}

export function keyErrors(map: object, field: string): FieldError[] {
  return Object.keys(map).flatMap((key) =>
    configKeyProblems(key).map((problem) => invalid(`${field}[${key}]`, key, problem)),
  );
}

export function base64Size(map: Readonly<Record<string, string>>): number {
  return Object.values(map).reduce((sum, text) => sum + Math.floor((text.length * 3) / 4), 0);
}

function immutableErrors(next: ConfigMap, previous: ConfigMap): FieldError[] {
  if (previous.immutable !== true) return [];
  const detail = "field is immutable when `immutable` is set";
  const errors = next.immutable === true ? [] : [forbidden("immutable", detail)];
  for (const part of ["data", "binaryData"] as const) {
    if (!isDeepStrictEqual(next[part] ?? {}, previous[part] ?? {})) errors.push(forbidden(part, detail));
  }
  return errors;
}
