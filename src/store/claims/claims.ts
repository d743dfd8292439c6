import { ApiError } from "../../api/api-error.ts";
import { CLAIMS, holderOf, withClaimant, withoutClaimant } from "./claim-state.ts";
import { causeDigest } from "../decide-write.ts";
import type { ObjectState } from "../object-state.ts";
import type { ObjectStore } from "../object-store.ts";
import type { Entry, Key } from "../port.ts";
import { type Stamp, ZERO_STAMP } from "../merge/stamp.ts";

/** What can be held once only in a cluster: a service address, a NodePort, a node's range of pod addresses. */
export type ClaimKind = "address" | "node-port" | "range";

export interface Claim {
  readonly kind: ClaimKind;
  readonly value: string;
  /** The uid of the object that has it; undefined when it is free. */
  readonly holder: string | undefined;
}

/**
 * Unique things as objects: the key is the value, so that two who want it meet at one object. Every node derives the
 * same object from the value; after a parting the claimant with the lower stamp keeps it, and the other, which sees
 * through `watch` that it is not the holder, must take another value and release this one.
 */
export class Claims {
  readonly #store: ObjectStore;

  constructor({ store }: { readonly store: ObjectStore }) {
    this.#store = store;
  }

  holder(kind: ClaimKind, value: string): string | undefined {
    const state = this.#store.state(claimKey(kind, value));
    return state?.claimants && holderOf(state.claimants);
  }

  /** Those that are held, ordered by value. */
  held(kind: ClaimKind): readonly Claim[] {
    return this.#store
      .list(CLAIMS)
      .entries.map(readClaim)
      .filter((claim) => claim.kind === kind && claim.holder !== undefined);
  }

  /** Resolves once it is durably held; again and at once when it is held already. AlreadyExists when another holds it. */
  async claim(kind: ClaimKind, value: string, holder: string): Promise<void> {
    const key = claimKey(kind, value);
    await this.#store.transform(key, (current, stamp) => {
      const state = current ?? freeClaim(key, { kind, value });
      const { claimants = {} } = state;
      const now = holderOf(claimants);
      if (now === holder) return state;
      if (now !== undefined) throw new ApiError("AlreadyExists", `Cannot claim ${kind} ${value}: ${now} holds it`);
      return { ...state, claimants: withClaimant(claimants, holder, stamp()) };
    });
  }

  /** Does nothing when the holder has not asked for it. */
  async release(kind: ClaimKind, value: string, holder: string): Promise<void> {
    const key = claimKey(kind, value);
    const { claimants = {} } = this.#store.state(key) ?? {};
    const asked = Object.entries(claimants).some(([id, released]) => released === "" && id.endsWith(`/${holder}`));
    if (asked)
      await this.#store.transform(key, (current, stamp) =>
        released(current ?? freeClaim(key, { kind, value }), holder, stamp),
      );
  }

  /** Calls `listener` with each claim whose state changes; it must not throw. */
  watch(listener: (claim: Claim) => void, signal: AbortSignal): void {
    this.#store.watch(CLAIMS, undefined, ({ entry }) => listener(readClaim(entry)), signal);
  }
}

function released(state: ObjectState, holder: string, stamp: () => Stamp): ObjectState {
  return { ...state, claimants: withoutClaimant(state.claimants ?? {}, holder, stamp()) };
}

function claimKey(kind: ClaimKind, value: string): Key {
  return { resource: CLAIMS, namespace: "", name: `${kind}.${value.replaceAll("/", "-")}` };
}

function freeClaim(key: Key, spec: { readonly kind: ClaimKind; readonly value: string }): ObjectState {
  const uid = causeDigest(key, []);
  const metadata = { name: key.name, uid };
  const content = { apiVersion: "podman-swarm.internal/v1", kind: "Claim", metadata, spec };
  return { key, uid, created: ZERO_STAMP, cause: uid, main: { stamp: ZERO_STAMP, content } };
}

function readClaim(entry: Entry): Claim {
  const { kind, value } = entry.object["spec"] as { kind: ClaimKind; value: string };
  const { holder } = (entry.object["status"] ?? {}) as { holder?: string };
  return { kind, value, holder };
}
