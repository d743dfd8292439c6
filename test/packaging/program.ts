import { execFileSync } from "node:child_process";
import { packaging } from "../../src/lib/packaging.ts";
import { selfCommand } from "../../src/lib/self-command.ts";
import { startWorker } from "../../src/lib/worker-entry.ts";

/** Says how it was packaged, and proves that a worker and a child process of it run. */
if (process.argv[2] === "--child") {
  console.log(`child of ${packaging} on ${process.version}`);
} else {
  const { file, args } = selfCommand(["--child"]);
  const child = execFileSync(file, args, { encoding: "utf8" }).trim();
  const worker = startWorker("../test/packaging/echo-thread", { workerData: "hello" });
  worker.on("message", (message: string) => console.log(`${packaging}; ${child}; ${message}`));
}
