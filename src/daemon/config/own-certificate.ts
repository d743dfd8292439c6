import { resolve } from "node:path";
import { type AgentConfig, ConfigError } from "./agent-config.ts";
import type { FlagName } from "./flags.ts";
import { truth } from "./setting-texts.ts";

type Take = <T>(name: FlagName, fallback: () => T, parse: (text: string) => T) => T;

/** What the flags say about a certificate of the user's own for the API. */
export function ownCertificate(take: Take): Pick<AgentConfig, "tls"> {
  const path = (name: FlagName): string | undefined =>
    take(
      name,
      () => undefined,
      (text) => resolve(text),
    );
  const [certificateFile, keyFile, caFile] = [path("tls-cert"), path("tls-key"), path("tls-ca")];
  const skipVerify = take("tls-skip-verify", () => false, truth);
  if (certificateFile !== undefined && keyFile !== undefined)
    return { tls: { certificateFile, keyFile, caFile, skipVerify } };
  if (certificateFile !== undefined) {
    throw new ConfigError("Cannot use --tls-cert without --tls-key: give the file with the certificate's private key");
  }
  const [alone] = [keyFile && "--tls-key", caFile && "--tls-ca", skipVerify && "--tls-skip-verify"].filter(Boolean);
  if (alone === undefined || alone === false) return {};
  throw new ConfigError(
    `Cannot use ${alone} without --tls-cert: it is about a certificate of your own for the API. Members always verify ` +
      "one another by the cluster's own CA",
  );
}
