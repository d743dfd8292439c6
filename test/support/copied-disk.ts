import { cpSync } from "node:fs";
import { eventually } from "../poll.ts";

/**
 * Copies the data directory of an agent that goes on, as a thief does. Sockets are no files, and files that are just
 * being written have other names in the next moment.
 */
export async function copyDisk(from: string, to: string): Promise<void> {
  const copied = (): true => {
    cpSync(from, to, { recursive: true, filter: (path) => !/\.(sock|tmp)$/.test(path) });
    return true;
  };
  await eventually(copied, { what: `a copy of ${from}` });
}
