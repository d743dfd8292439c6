import { resolve } from "node:path";

/** The repository's folder. */
export const root: string = resolve(import.meta.dirname, "..");
