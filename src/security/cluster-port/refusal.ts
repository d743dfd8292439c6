import type { TokenRefusal } from "../tokens/join-tokens.ts";

/** Why somebody was refused on the cluster port: the reason of an Event and the label of a metric. */
export type RefusalReason =
  | TokenRefusal
  | "WrongCa"
  | "NoCertificate"
  | "UntrustedCertificate"
  | "OtherCluster"
  | "OtherNode"
  | "NodeDenied"
  | "NameTaken"
  | "ClockSkew"
  | "BadRequest"
  | "TooManyAttempts"
  | "HandshakeFailed";

/** Told to the other side, and thrown on both. */
export class RefusedError extends Error {
  readonly reason: RefusalReason;
  /** Whether the other side has refused this one, and not this one the other. */
  readonly byOther: boolean;

  constructor(
    reason: RefusalReason,
    message: string,
    { byOther = false, ...options }: ErrorOptions & { readonly byOther?: boolean } = {},
  ) {
    super(message, options);
    this.name = "RefusedError";
    this.reason = reason;
    this.byOther = byOther;
  }
}

export interface Refusal {
  readonly reason: RefusalReason;
  readonly message: string;
  /** The other side's address. */
  readonly source: string;
  /** What it called itself, where it came so far; not proved. */
  readonly nodeName?: string | undefined;
}

/** Two nodes whose clocks are further apart do not work together: stamps of objects decide which is newer. */
const MOST_SKEW_MS = 300_000;

export function refuseSkew(theirs: number, ours: number): void {
  const apart = Math.abs(theirs - ours);
  if (apart <= MOST_SKEW_MS) return;
  throw new RefusedError(
    "ClockSkew",
    `the clocks are ${Math.round(apart / 1000)} seconds apart (${new Date(theirs).toISOString()} and ` +
      `${new Date(ours).toISOString()}), and may be ${MOST_SKEW_MS / 1000}: set them, for example with chrony`,
  );
}
