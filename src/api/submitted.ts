import { createHash } from "node:crypto";
import { stripDefaults, visitPodSpecDefaults } from "./defaulting/pod-spec-defaults.ts";
import type { PodTemplateSpec } from "./kinds.ts";

/** Upstream's alphabet for generated names (apimachinery `util/rand`): no vowels, nothing that looks alike. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const HASH_LENGTH = 10;

/**
 * A template as its author submitted it: without every value that is equal to its default. A default that a later version
 * adds is in both the list that fills it in and the list that takes it out here, so it changes no template.
 */
export function submittedTemplate(template: PodTemplateSpec): PodTemplateSpec {
  const copy = structuredClone(template);
  if (copy.spec !== undefined) {
    visitPodSpecDefaults(copy.spec, stripDefaults);
    if (copy.spec.serviceAccountName) delete copy.spec.serviceAccount;
  }
  return copy;
}

/** Ten characters that are the same for two templates whose authors asked for the same. Key order does not matter. */
export function templateHash(template: PodTemplateSpec): string {
  const digest = createHash("sha256")
    .update(canonicalJson(submittedTemplate(template)))
    .digest();
  return Array.from(digest.subarray(0, HASH_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
