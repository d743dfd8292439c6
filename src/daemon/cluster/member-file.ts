import { join } from "node:path";
import { readPrivateFile, writePrivateFile } from "../../security/at-rest/private-file.ts";

/** Where the other members were last seen, so that a node finds them again after a restart. */
export class MemberFile {
  readonly path: string;
  #written = "";

  constructor(dataDir: string) {
    this.path = join(dataDir, "members");
  }

  /** `host:port` each. A file that is not whole is worth nothing: it is written anew. */
  async read(): Promise<string[]> {
    const text = await readPrivateFile(this.path);
    if (text === undefined) return [];
    return text.split("\n").filter((line) => /^\S+:\d+$/.test(line));
  }

  async write(addresses: readonly string[]): Promise<void> {
    const text = addresses
      .toSorted((a, b) => (a < b ? -1 : 1))
      .map((address) => `${address}\n`)
      .join("");
    if (text === this.#written) return;
    await writePrivateFile(this.path, text);
    this.#written = text;
  }
}
