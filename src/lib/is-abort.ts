/** Whether an error only says that its work was to stop: for `reason`, or as Node's own work says it. */
export function isAbort(error: unknown, reason: unknown): boolean {
  for (let at = error; at !== undefined; at = at instanceof Error ? at.cause : undefined) {
    if (at === reason || (at instanceof Error && at.name === "AbortError")) return true;
  }
  return false;
}
