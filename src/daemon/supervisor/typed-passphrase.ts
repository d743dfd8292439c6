import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askSecret } from "../../lib/host/ask-secret.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";

/**
 * The unlock passphrase where it comes by the standard input: because the flag says so, or typed, because the data is
 * locked and somebody sits at the terminal. The supervisor keeps it, for each start of the agent.
 */
export async function typedPassphrase({ unlockPassphraseFile, dataDir }: AgentConfig): Promise<string | undefined> {
  const asked = unlockPassphraseFile === "-";
  const terminal = process.stdin.isTTY && process.stderr.isTTY;
  if (!asked && (unlockPassphraseFile !== undefined || !terminal || !isLocked(dataDir))) return undefined;
  if (!terminal) return readFileSync(process.stdin.fd, "utf8");
  try {
    return await askSecret(`Passphrase of the data in ${dataDir}: `);
  } catch (error) {
    throw new ConfigError("Cannot start without the passphrase", { cause: error });
  }
}

/** The agent reads it as a whole, and says what is wrong with it. */
function isLocked(dataDir: string): boolean {
  try {
    return /"locked":/.test(readFileSync(join(dataDir, "data.key"), "utf8"));
  } catch {
    return false; // there is none, or the agent tells why it cannot be read
  }
}
