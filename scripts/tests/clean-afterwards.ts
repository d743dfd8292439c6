import { text } from "node:stream/consumers";
import { cleanAfter, unfinishedRun } from "./leftovers.ts";

/**
 * Waits for the end of standard input, which comes with the end of the test run however it ends, also with kill -9, and
 * then cleans up after it.
 */
async function main(): Promise<void> {
  await text(process.stdin);
  const run = unfinishedRun();
  if (run === undefined) return;
  const done = await cleanAfter(run);
  if (done.length > 0) console.log(`afterwards: ${done.join(", ")}`);
}

await main();
