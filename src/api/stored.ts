import type { KindName, Kinds, ObjectMeta } from "./kinds.ts";

/** An object as the server gives it: with its metadata, and with a spec where its kind has one. */
export type Stored<K extends KindName> = Kinds[K] & {
  metadata: ObjectMeta & { name: string; uid: string };
} & (Kinds[K] extends { spec?: infer Spec } ? { spec: NonNullable<Spec> } : unknown);

/**
 * The same object under its fuller type. Only for objects that were read or returned by a server, which refuses to store
 * one without a name, a uid or its kind's spec.
 */
export function stored<K extends KindName>(object: Kinds[K]): Stored<K> {
  return object as Stored<K>;
}
