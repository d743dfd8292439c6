/** How a probe ended; the message says what was seen, for Events. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly message: string;
}
