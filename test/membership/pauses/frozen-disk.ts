import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, ftruncateSync, openSync } from "node:fs";
import { join } from "node:path";
import type { LabHost } from "../../lab/lab-host.ts";

/** A host's disk of its own (a file system in a file), so that it can be blocked without the machine's. */
export class FrozenDisk {
  readonly folder: string;
  readonly #host: LabHost;

  private constructor(host: LabHost, folder: string) {
    this.#host = host;
    this.folder = folder;
  }

  static async make(host: LabHost, megabytes = 256): Promise<FrozenDisk> {
    const image = join(host.folder, "disk.img");
    const folder = join(host.folder, "disk");
    const file = openSync(image, "w");
    ftruncateSync(file, megabytes * 1024 * 1024);
    closeSync(file);
    // The loop device goes with the mount, and the mount with the host.
    const script = 'mkdir -p "$1" && mkfs.ext4 -q "$2" && mount -o loop "$2" "$1"';
    await host.run(["sh", "-euc", script, "disk", folder, image]);
    return new FrozenDisk(host, folder);
  }

  /** Lets every write wait for so long; resolves after it. Ends in time also when the test is killed meanwhile. */
  async freeze(seconds: number): Promise<void> {
    const script = 'trap "" HUP INT TERM; fsfreeze -f "$1"; sleep "$2"; fsfreeze -u "$1"';
    const words = ["--target", `${this.#host.pid}`, "--mount", "--", "sh", "-uc", script, "freeze", this.folder];
    const child = spawn("nsenter", [...words, `${seconds}`], { detached: true, stdio: "ignore" });
    const [code] = (await once(child, "exit")) as [number | null];
    if (code !== 0) throw new Error(`Cannot block the disk of ${this.#host.name}: exit code ${code}`);
  }

  /** A file of it, which is seen on the host only. */
  read(name: string): Promise<string> {
    return this.#host.run(["cat", join(this.folder, name)]);
  }
}
