import type { Kinds, Pod } from "../../src/api/kinds.ts";
import type { Objects } from "../../src/api/objects.ts";
import { stored, type Stored } from "../../src/api/stored.ts";
import { timestamp, type Clock } from "../../src/lib/clock.ts";

/** An image whose containers never become ready. */
export const BAD_IMAGE = "localhost/broken:1";

/**
 * As much of a node's pod runtime as controllers can see: bound pods get an address and become ready at once, those with
 * a bad image wait for ever, and deleted ones are ended. The real one has tests of its own.
 */
export class SmallKubelet {
  readonly #objects: Objects;
  readonly #clock: Clock;
  readonly #errors: unknown[] = [];
  readonly #busy = new Map<string, Promise<void>>();
  #addresses = 0;

  constructor({ objects, clock }: { objects: Objects; clock: Clock }) {
    this.#objects = objects;
    this.#clock = clock;
  }

  /** What went wrong; a test that ends should find nothing here. */
  get errors(): readonly unknown[] {
    return this.#errors;
  }

  start(signal: AbortSignal): void {
    this.#objects.watch(
      "Pod",
      ({ type, object }) => {
        if (type !== "DELETED") this.#queue(stored<"Pod">(object));
      },
      signal,
    );
  }

  #queue(pod: Stored<"Pod">): void {
    const { uid, namespace, name } = pod.metadata;
    const before = this.#busy.get(uid) ?? Promise.resolve();
    const next = before.then(async () => {
      try {
        const current = this.#objects.get("Pod", { namespace, name, uid });
        if (current) await this.#step(stored<"Pod">(current));
      } catch (error) {
        this.#errors.push(error);
      }
    });
    this.#busy.set(uid, next);
  }

  async #step(pod: Stored<"Pod">): Promise<void> {
    if (!pod.spec.nodeName) return;
    const { uid, namespace, name } = pod.metadata;
    if (pod.metadata.deletionTimestamp !== undefined) {
      await this.#objects.delete("Pod", { uid, namespace, name }, { gracePeriodSeconds: 0 });
      return;
    }
    if (pod.status?.podIP !== undefined || pod.spec.containers.some(({ image }) => image === BAD_IMAGE)) return;
    this.#addresses += 1;
    await this.#objects.updateStatus("Pod", { ...pod, status: this.#running(pod) });
  }

  #running(pod: Pod): NonNullable<Kinds["Pod"]["status"]> {
    const at = timestamp(this.#clock.now());
    const podIP = `10.42.${Math.floor(this.#addresses / 250)}.${(this.#addresses % 250) + 1}`;
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "Ready");
    return {
      ...pod.status,
      phase: "Running",
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [...others, { type: "Ready", status: "True", lastTransitionTime: at }],
    };
  }
}
