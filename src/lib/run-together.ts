import { isAbort } from "./is-abort.ts";
import { describeError } from "./log.ts";

/** One long-lived part, by the name under which its failure is told. */
export interface Part {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs parts that belong together until `signal`: the first one that fails, or that ends before its time, stops the
 * others. Rejects with that failure once all have ended, and tells with it which of them failed while they stopped; also
 * where it was `signal` that stopped them.
 */
export async function runTogether(parts: readonly Part[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const failures: Error[] = [];
  const late: Error[] = [];
  await Promise.all(
    parts.map(async ({ name, run }) => {
      try {
        await run(both);
        if (!both.aborted) failures.push(new Error(`Cannot go on without the ${name}: it ended by itself`));
      } catch (error) {
        if (!both.aborted) failures.push(new Error(`Cannot go on without the ${name}`, { cause: error }));
        else if (!isAbort(error, both.reason)) late.push(new Error(`Cannot stop the ${name}`, { cause: error }));
      } finally {
        stop.abort(new Error(`the ${name} ended`));
      }
    }),
  );
  const [failure] = failures;
  const lateOnes = late.map(describeError).join("; ");
  if (failure && late.length > 0) throw new Error(`${failure.message} (${lateOnes})`, { cause: failure.cause });
  if (failure) throw failure;
  if (late.length > 0) throw new Error(lateOnes, { cause: late[0]?.cause });
}
