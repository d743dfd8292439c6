import { networkInterfaces } from "node:os";
import { runProgram } from "../lib/host/run-program.ts";
import type { Kernel } from "./kernel.ts";
import { isolateThroughSysfs } from "./sysfs-ports.ts";

/** The kernel as root sees it, in the network namespace of this process. */
export const hostKernel: Kernel = {
  run: (command, options) => runProgram(command, options),
  isolatePorts: (bridge) => isolateThroughSysfs(bridge),
  seesLink: (name) => networkInterfaces()[name] !== undefined,
};
