/** One long-lived part, by the name under which its failure is told. */
export interface Part {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Runs parts that belong together until `signal`: the first one that fails, or that ends before its time, stops the
 * others. Rejects with that failure once all have ended.
 */
export async function runTogether(parts: readonly Part[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const failures: Error[] = [];
  await Promise.all(
    parts.map(async ({ name, run }) => {
      try {
        await run(both);
        if (!both.aborted) failures.push(new Error(`Cannot go on without the ${name}: it ended by itself`));
      } catch (error) {
        if (!both.aborted) failures.push(new Error(`Cannot go on without the ${name}`, { cause: error }));
      } finally {
        stop.abort(new Error(`the ${name} ended`));
      }
    }),
  );
  if (failures[0]) throw failures[0];
}
