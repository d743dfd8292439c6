import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { SystemImage } from "./disk-image.ts";

export interface VirtualMachineOptions {
  readonly image: SystemImage;
  /** Its second disk, read-only. */
  readonly disk: string;
  /** Where what the kernel and systemd say goes. */
  readonly console: string;
  /** Takes what the tests write, line by line. */
  readonly onLine: (line: string) => void;
}

/**
 * One boot of a system with a disk that forgets, without any network. It ends with this process, however that ends.
 *
 * QEMU emulates the processor, which is slow. So that no time limit within notices, time is counted in instructions
 * there: a nanosecond each, as long as there is something to do.
 */
export class VirtualMachine {
  readonly #qemu: ChildProcess;
  readonly #lines: Promise<void>;
  #said = "";

  constructor({ image, disk, console, onLine }: VirtualMachineOptions) {
    const command = ["nice", "-n", "15", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"];
    const machine = [
      "-accel",
      "tcg,thread=single",
      "-icount",
      "shift=0",
      "-cpu",
      "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt",
      "-smp",
      "1",
      "-m",
      "2048",
    ];
    const kernel = ["root=/dev/vda", "rw", "fsck.mode=skip", "console=ttyS0", "quiet", "panic=-1", "mitigations=off"];
    kernel.push("systemd.mask=serial-getty@ttyS0.service", "systemd.show_status=true");
    const parts = [
      ["-kernel", image.kernel, "-initrd", image.initrd, "-append", kernel.join(" "), "-no-reboot"],
      ["-drive", `file=${image.disk},format=raw,if=virtio,snapshot=on`],
      ["-drive", `file=${disk},format=raw,if=virtio,readonly=on`],
      [
        "-nic",
        "none",
        "-serial",
        `file:${console}`,
        "-chardev",
        "stdio,id=tests,signal=off",
        "-serial",
        "chardev:tests",
      ],
    ];
    const args = ["--pdeathsig", "KILL", "--", ...command, ...machine, ...parts.flat()];
    const qemu = spawn("setpriv", args, { stdio: ["ignore", "pipe", "pipe"] });
    qemu.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    const lines = createInterface({ input: qemu.stdout, crlfDelay: Infinity });
    lines.on("line", onLine);
    this.#lines = once(lines, "close").then(() => {});
    this.#qemu = qemu;
  }

  /** Resolves when it has powered off; rejects where QEMU failed or was ended. */
  async ended(): Promise<void> {
    const [code, signal] = (await once(this.#qemu, "exit")) as [number | null, NodeJS.Signals | null];
    await this.#lines;
    if (code === 0) return;
    throw new Error(`Cannot run the virtual machine: QEMU ended with ${code ?? signal}: ${this.#said.trim()}`);
  }

  /** Pulls the plug. */
  kill(): void {
    this.#qemu.kill("SIGKILL");
  }
}
