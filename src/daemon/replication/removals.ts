import { rm } from "node:fs/promises";
import { parsePrivateJson, readPrivateFile } from "../../security/at-rest/private-file.ts";
import type { ReplicatedStore } from "../../store/replication/replica-exchange.ts";
import { readStates } from "../../store/replication/read-states.ts";
import type { Store } from "../../store/port.ts";
import { DENIED_NODES } from "./replicated.ts";

/** What one member tells another. */
type Message = Readonly<Record<string, unknown>>;

interface RemovalsDeps {
  readonly store: Pick<Store, "list">;
  readonly replica: Pick<ReplicatedStore, "state" | "apply">;
}

/**
 * Which nodes were removed, told with each secret that one member gives another: whoever has a newer key or CA than a
 * removed node must know by then that it is one, or would give it away to that node. Replication alone has no such order.
 */
export class Removals {
  readonly #deps: RemovalsDeps;

  constructor(deps: RemovalsDeps) {
    this.#deps = deps;
  }

  /** As replicas tell each other of objects. */
  known(): readonly unknown[] {
    const { store, replica } = this.#deps;
    return store.list(DENIED_NODES).entries.flatMap(({ key }) => replica.state(key) ?? []);
  }

  /** A message with secrets, and the removals with it. */
  with<M extends Message>(message: M): M & { readonly removals: readonly unknown[] } {
    return { ...message, removals: this.known() };
  }

  /** To be awaited before the secrets of the message are kept: from then on the removals are on this node's disk. */
  async take({ removals }: Message): Promise<void> {
    const { states } = readStates(removals, ({ resource }) => resource === DENIED_NODES);
    if (states.length === 0) return;
    const { refused } = await this.#deps.replica.apply(states);
    if (refused.length > 0) throw new Error("Cannot take over which nodes were removed: its clock is too far ahead");
  }

  /** What this node was told when it joined. */
  async takeFile(path: string): Promise<void> {
    const text = await readPrivateFile(path);
    if (text === undefined) return;
    await this.take({ removals: parsePrivateJson(text) });
    await rm(path, { force: true });
  }
}
