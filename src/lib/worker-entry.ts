import { Worker, type WorkerOptions } from "node:worker_threads";
import { embeddedScript, packaging } from "./packaging.ts";

/** A worker's source below src/, without ".ts". The ending is how the build finds every worker. */
export type WorkerEntry = `${string}-thread`;

/**
 * Starts a worker thread in the same way from source, from the bundle and from the single executable:
 *
 *     startWorker("store/disk/sqlite-thread", { workerData: { file } })
 *
 * The worker is an ordinary module with its own imports, which reads `workerData` and `parentPort` of
 * node:worker_threads. No top-level await in it or in what it imports: the single executable is CommonJS. Two workers
 * must not have the same file name.
 */
export function startWorker(entry: WorkerEntry, options: WorkerOptions = {}): Worker {
  const name = entry.slice(entry.lastIndexOf("/") + 1);
  if (packaging === "source") return new Worker(new URL(`../${entry}.ts`, import.meta.url), options);
  if (packaging === "bundle") return new Worker(new URL(`./${name}.js`, import.meta.url), options);
  return new Worker(embeddedScript(name), { ...options, eval: true });
}
