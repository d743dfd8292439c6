import { createHash } from "node:crypto";
import type { Container } from "../../../api/kinds.ts";

/** Changes when a container must be made anew: upstream allows only its image to change in a pod that runs. */
export function specHash(container: Container): string {
  return createHash("sha256")
    .update(JSON.stringify([container.name, container.image]))
    .digest("hex")
    .slice(0, 16);
}
