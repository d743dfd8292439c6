import { isDeepStrictEqual } from "node:util";
import { AGE, NAME, ageCell, column } from "../../columns.ts";
import { declareKind } from "../../declare-kind.ts";
import { forbidden, invalid, required, tooLong } from "../../field-error.ts";
import type { FieldError } from "../../field-error.ts";
import type { Secret } from "../../kinds.ts";
import { DATA_LIMIT, base64Size, count, keyErrors } from "./config-map.ts";

/** The entries that a Secret of a known type must have. */
const TYPE_KEYS: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

const ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name";

export const secret = declareKind({
  kind: "Secret",
  plural: "secrets",
  namespaced: true,
  versions: [{ group: "", version: "v1", schema: "core.v1.Secret" }],
  columns: [NAME, column("Type", "What it is for."), column("Data", "How many entries it has."), AGE],
  row: (object, context) => [
    object.metadata?.name ?? "",
    object.type ?? "",
    String(count(object.data)),
    ageCell(object, context),
  ],
  applyDefaults: (object) => {
    object.type ||= "Opaque";
    // stringData is for writing only: it overrides data and is never given back.
    const { stringData } = object;
    if (stringData === undefined) return;
    const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
    object.data = { ...object.data, ...(Object.fromEntries(encoded) as Record<string, string>) };
    delete object.stringData;
  },
  validate: secretErrors,
  validateUpdate: (next, previous) => {
    const errors = next.type === previous.type ? [] : [invalid("type", next.type, "field is immutable")];
    if (previous.immutable !== true) return errors;
    const detail = "field is immutable when `immutable` is set";
    if (next.immutable !== true) errors.push(forbidden("immutable", detail));
    if (!isDeepStrictEqual(next.data ?? {}, previous.data ?? {})) errors.push(forbidden("data", detail));
    return errors;
  },
  fields: ({ type }) => ({ type: type ?? "" }),
});

function secretErrors({ metadata, type = "", data = {} }: Secret): FieldError[] {
  const errors = keyErrors(data, "data");
  if (base64Size(data) > DATA_LIMIT) errors.push(tooLong("data", DATA_LIMIT));
  for (const key of TYPE_KEYS[type] ?? []) {
    const text = data[key];
    if (text === undefined) errors.push(required(`data[${key}]`));
    else if (key === ".dockerconfigjson" || key === ".dockercfg") {
      if (!isJson(Buffer.from(text, "base64").toString("utf8"))) {
        errors.push(invalid(`data[${key}]`, "<secret contents redacted>", "must be valid JSON"));
      }
    }
  }
  if (type === "kubernetes.io/basic-auth" && data["username"] === undefined && data["password"] === undefined) {
    errors.push(required("data[username]"), required("data[password]"));
  }
  if (type === "kubernetes.io/service-account-token" && !metadata?.annotations?.[ACCOUNT_ANNOTATION]) {
    errors.push(required(`metadata.annotations[${ACCOUNT_ANNOTATION}]`));
  }
  return errors;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
