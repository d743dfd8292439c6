import { DamagedFile } from "../lib/damaged-file.ts";
import { Serial } from "../lib/serial.ts";
import { secretBytes } from "../lib/random.ts";
import { parsePrivateJson, readPrivateFile, writePrivateFile } from "./at-rest/private-file.ts";

const KEY_BYTES = 32;
/** Every key is tried on every packet. */
const MOST_KEYS = 8;

/**
 * The keys that encrypt gossip, on disk (0600). The first is in use. One is rotated without a break by three steps,
 * each of which every member must have taken before the next: `add`, `use`, `remove`.
 */
export class GossipKeys {
  readonly #file: string;
  #keys: readonly Buffer[];
  /** Steps of several members may come at once. */
  readonly #changes = new Serial();

  /** Opens the kept keys; where there are none takes `first`, or makes one. */
  static async open(file: string, first?: readonly Uint8Array[]): Promise<GossipKeys> {
    const text = await readPrivateFile(file);
    if (text !== undefined) return new GossipKeys(file, parseKeys(text, file));
    const keys = new GossipKeys(file, []);
    await keys.replace(first ?? [secretBytes(KEY_BYTES)]);
    return keys;
  }

  private constructor(file: string, keys: readonly Buffer[]) {
    this.#file = file;
    this.#keys = keys;
  }

  /** The one in use first. */
  get keys(): readonly Buffer[] {
    return this.#keys;
  }

  async add(key: Uint8Array): Promise<void> {
    await this.#change((keys) => {
      if (keys.some((known) => known.equals(key))) return keys;
      if (keys.length >= MOST_KEYS) throw new Error(`Cannot add a gossip key: there are ${MOST_KEYS}; remove one`);
      return [...keys, key];
    });
  }

  async use(key: Uint8Array): Promise<void> {
    await this.#change((keys) => {
      const found = keys.find((known) => known.equals(key));
      if (!found) throw new Error("Cannot use the gossip key: it was not added");
      return [found, ...keys.filter((known) => known !== found)];
    });
  }

  async remove(key: Uint8Array): Promise<void> {
    await this.#change((keys) => {
      if (keys[0]?.equals(key)) throw new Error("Cannot remove the gossip key: it is in use");
      return keys.filter((known) => !known.equals(key));
    });
  }

  /** All at once, as another member has them. */
  async replace(keys: readonly Uint8Array[]): Promise<void> {
    await this.#change(() => keys);
  }

  /** One after the other: what is there is read when the change before is on disk. */
  async #change(to: (keys: readonly Buffer[]) => readonly Uint8Array[]): Promise<void> {
    await this.#changes.run(async () => {
      const checked = to(this.#keys).map(checkedKey);
      const text = `${JSON.stringify({ keys: checked.map((key) => key.toString("base64")) })}\n`;
      await writePrivateFile(this.#file, text);
      this.#keys = checked;
    });
  }
}

function checkedKey(key: Uint8Array): Buffer {
  if (key.length !== KEY_BYTES) throw new Error(`Cannot use a gossip key of ${key.length} bytes: it has ${KEY_BYTES}`);
  return Buffer.from(key);
}

function parseKeys(text: string, file: string): Buffer[] {
  try {
    const { keys } = parsePrivateJson(text) as { keys: unknown };
    if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS) throw new Error("it holds no keys");
    return keys.map((key) => checkedKey(Buffer.from(String(key), "base64")));
  } catch (error) {
    throw new DamagedFile(
      `Cannot use the gossip keys in ${file}: ${(error as Error).message}. Put back the file as it was, or copy it from ` +
        "another member",
      { cause: error },
    );
  }
}
