import { parentPort, workerData } from "node:worker_threads";
import { describeError } from "../../src/lib/log.ts";

parentPort?.postMessage(`worker says ${describeError(workerData)}`);
