/** Far deeper than any Kubernetes object, and far from what exhausts the stack. */
export const MAX_NESTING = 128;

/** Whether objects and lists are nested more deeply than MAX_NESTING. Does not recurse, so that no input can hurt it. */
export function isNestedTooDeeply(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_NESTING) return true;
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return false;
}
