import { RuntimeError, type ImageFacts, type Images, type ImageSummary } from "../runtime-port.ts";

/** Images without an engine: those that are present, and those that a registry would give. */
export class MemoryImages implements Images {
  readonly #present: Set<string>;
  readonly #pullable: ReadonlySet<string>;

  constructor({ present = [], pullable = [] }: { present?: readonly string[]; pullable?: readonly string[] } = {}) {
    this.#present = new Set(present);
    this.#pullable = new Set(pullable);
  }

  async inspect(reference: string): Promise<ImageFacts | undefined> {
    if (!this.#present.has(reference)) return undefined;
    return { id: `id-of-${reference}`, repoDigest: undefined, user: "", stopSignal: undefined };
  }

  async pull(reference: string): Promise<ImageFacts> {
    if (!this.#pullable.has(reference)) throw new RuntimeError("refused", `manifest of ${reference} unknown`);
    this.#present.add(reference);
    return { id: `id-of-${reference}`, repoDigest: undefined, user: "", stopSignal: undefined };
  }

  async list(): Promise<readonly ImageSummary[]> {
    return [...this.#present].map((name) => ({ id: `id-of-${name}`, names: [name], bytes: 0 }));
  }
}
