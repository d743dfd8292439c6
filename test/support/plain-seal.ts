import { Keyring } from "../../src/membership/wire/keyring.ts";
import type { SealOptions } from "../../src/membership/wire/seal-options.ts";

/** Nothing is wrapped: the message's bytes are the packet's and the frame's. */
export const PLAIN_SEAL: SealOptions = {
  keyring: new Keyring(),
  label: "",
  compression: false,
  protocolVersion: 2,
  verifyIncoming: true,
  verifyOutgoing: true,
};
