/** How many services the DNS bench has. */
export const SERVICES = 500;

export function serviceLabel(index: number): string {
  return `s${String(index).padStart(3, "0")}`;
}
