import { isReason } from "../../api/api-error.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Counter, Histogram, Metrics } from "../../lib/metrics.ts";
import type { Entry, Store } from "../../store/port.ts";

type Write = "create" | "update" | "delete";

/** A store that counts what goes through it, and remembers whether its disk took the last write. */
export class MeasuredStore implements Store {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #duration: Histogram;
  readonly #writes: Counter;
  readonly #watchers = new Map<string, number>();
  #problem: string | undefined;

  constructor(store: Store, { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics }) {
    this.#store = store;
    this.#clock = clock;
    this.#duration = metrics.histogram(
      "podman_swarm_store_write_duration_seconds",
      "From asking for a write to its being durable.",
    );
    this.#writes = metrics.counter("podman_swarm_store_writes_total", "Writes by operation and outcome.");
    metrics.readings("podman_swarm_store_watchers", "Watches of the store, ours among them, by resource.", () =>
      [...this.#watchers].map(([resource, count]) => [{ resource }, count] as const),
    );
  }

  /** Why the last write failed, where the disk was the reason. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get resourceVersion(): string {
    return this.#store.resourceVersion;
  }

  get: Store["get"] = (key) => this.#store.get(key);

  list: Store["list"] = (resource, namespace) => this.#store.list(resource, namespace);

  watch: Store["watch"] = (resource, since, listener, signal) => {
    this.#store.watch(resource, since, listener, signal);
    if (signal.aborted) return;
    this.#watchers.set(resource, (this.#watchers.get(resource) ?? 0) + 1);
    signal.addEventListener(
      "abort",
      () => {
        const left = (this.#watchers.get(resource) ?? 1) - 1;
        if (left > 0) this.#watchers.set(resource, left);
        else this.#watchers.delete(resource);
      },
      { once: true },
    );
  };

  create: Store["create"] = (...write) => this.#measured("create", () => this.#store.create(...write));

  update: Store["update"] = (...write) => this.#measured("update", () => this.#store.update(...write));

  delete: Store["delete"] = (...write) => this.#measured("delete", () => this.#store.delete(...write));

  async #measured(operation: Write, write: () => Promise<Entry>): Promise<Entry> {
    const started = this.#clock.monotonic();
    try {
      const entry = await write();
      this.#duration.observe((this.#clock.monotonic() - started) / 1000, { operation });
      this.#writes.add({ operation, result: "stored" });
      this.#problem = undefined;
      return entry;
    } catch (error) {
      const refused = isReason(error, "Conflict") || isReason(error, "AlreadyExists") || isReason(error, "NotFound");
      this.#writes.add({ operation, result: refused ? "refused" : "failed" });
      if (isReason(error, "ServiceUnavailable")) this.#problem = error.message;
      throw error;
    }
  }
}
