/** JSON, of at most a few megabytes. */
export type Message = Readonly<Record<string, unknown>>;

export interface ReplicaQuestion extends Message {
  readonly kind: string;
}

/**
 * How a replica reaches the others, by the names of their nodes. Guarantees:
 * - only members of the cluster hear and are heard, and nobody else reads it;
 * - `ask` gives the answer of that very replica; it rejects, in a time that is bounded, where the replica cannot be
 *   reached or says that it failed. Then the question may have been answered or not.
 */
export interface ReplicaLinks {
  /** The other replicas that are taken for living. */
  living(): readonly string[];
  /** Those that are of the cluster and are not: perhaps only parted. */
  lost(): readonly string[];
  ask(replica: string, question: ReplicaQuestion, signal: AbortSignal): Promise<Message>;
}
