import type { KubeObject } from "../api/kinds.ts";
import type { ObjectState } from "./object-state.ts";
import type { Entry, Key } from "./port.ts";
import { joinObject } from "./split-object.ts";

/** Joins and serialises only when asked, and once. */
export class ObjectEntry implements Entry {
  readonly state: ObjectState;
  readonly resourceVersion: string;
  #object: KubeObject | undefined;
  #text: string | undefined;
  #json: Buffer | undefined;

  constructor(state: ObjectState, resourceVersion: string) {
    this.state = state;
    this.resourceVersion = resourceVersion;
  }

  get key(): Key {
    return this.state.key;
  }

  get uid(): string {
    return this.state.uid;
  }

  get object(): KubeObject {
    this.#object ??= joinObject(this.state, this.resourceVersion);
    return this.#object;
  }

  json(): Buffer {
    this.#json ??= Buffer.from(this.text());
    this.#text = undefined;
    return this.#json;
  }

  /** The same as `json` for the disk, kept until `json` is called or `forgetText`. */
  text(): string {
    if (this.#json) return this.#json.toString();
    this.#text ??= JSON.stringify(this.object);
    return this.#text;
  }

  /** Frees what `text` has kept, once nobody is likely to ask for it soon. */
  forgetText(): void {
    this.#text = undefined;
  }
}
