/** True for an address of this host's loopback network. */
export function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === "::1" || address === "localhost";
}
