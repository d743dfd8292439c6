import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { describeError } from "../../lib/log.ts";
import type { KeyPair } from "./ca-material.ts";

export interface ProvidedFiles {
  /** PEM: the server's certificate, then what leads to its CA. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** PEM of the CAs that clients are to believe; the system's where it is absent. */
  readonly caFile?: string | undefined;
  /** Takes a certificate that clients will not believe, and only warns. */
  readonly skipVerify: boolean;
}

export interface ProvidedCertificate {
  readonly pair: KeyPair;
  /** PEM. */
  readonly ca: string | undefined;
  /** What clients will object to; a sentence each. */
  readonly warnings: readonly string[];
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Extended key usage of servers (RFC 5280, 4.2.1.12). */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";

/**
 * Reads the user's own certificate and looks whether clients can believe it. Rejects with a DamagedFile that names the
 * flag, the file and the fix.
 */
export async function readProvidedCertificate(files: ProvidedFiles, now: number): Promise<ProvidedCertificate> {
  const { certificateFile, keyFile, caFile, skipVerify } = files;
  const [text, keyText, ca] = await Promise.all([
    read("--tls-cert", certificateFile),
    read("--tls-key", keyFile),
    caFile === undefined ? undefined : read("--tls-ca", caFile),
  ]);
  const chain = certificatesIn(text, `--tls-cert ${certificateFile}`);
  const [leaf] = chain;
  const key = keyIn(keyText, keyFile);
  if (!leaf.checkPrivateKey(key)) {
    throw new DamagedFile(
      `Cannot use --tls-key ${keyFile}: it is not the key of the first certificate in ${certificateFile}; the server's ` +
        "own certificate goes first there, before those of its CA",
    );
  }
  const problems = [
    ...timeProblems(leaf, now),
    ...usageProblems(leaf),
    ...(ca === undefined ? [] : chainProblems(chain, certificatesIn(ca, `--tls-ca ${caFile ?? ""}`), caFile ?? "")),
  ];
  const [first] = problems;
  if (first !== undefined && !skipVerify) {
    throw new DamagedFile(
      `Cannot use --tls-cert ${certificateFile}: ${first}; or take it as it is with --tls-skip-verify`,
    );
  }
  return { pair: { certificate: text, key: keyText }, ca, warnings: problems };
}

async function read(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "it does not exist"
        : code === "EACCES"
          ? "the agent's user may not read it; let it (chmod, chown), or give a copy"
          : describeError(error);
    throw new DamagedFile(`Cannot read ${flag} ${file}: ${why}`, { cause: error });
  }
}

function certificatesIn(text: string, what: string): readonly [X509Certificate, ...X509Certificate[]] {
  const found = text.match(PEM) ?? [];
  try {
    const [first, ...others] = found.map((pem) => new X509Certificate(pem));
    if (first !== undefined) return [first, ...others];
  } catch (error) {
    throw new DamagedFile(`Cannot use ${what}: a certificate in it cannot be read (${describeError(error)})`, {
      cause: error,
    });
  }
  const other = /PRIVATE KEY-----/.test(text) ? "; it holds a private key: were the files mixed up?" : "";
  throw new DamagedFile(`Cannot use ${what}: expected certificates in PEM (-----BEGIN CERTIFICATE-----)${other}`);
}

/** Of the parser's error nothing is shown: it may quote the key. */
function keyIn(text: string, file: string): KeyObject {
  if (/ENCRYPTED/.test(text)) {
    throw new DamagedFile(
      `Cannot use --tls-key ${file}: it is locked with a passphrase; write it without one: openssl pkey -in ${file} -out KEY`,
    );
  }
  try {
    return createPrivateKey(text);
  } catch {
    throw new DamagedFile(`Cannot use --tls-key ${file}: expected a private key in PEM (-----BEGIN PRIVATE KEY-----)`);
  }
}

function timeProblems(leaf: X509Certificate, now: number): string[] {
  const [from, until] = [leaf.validFromDate, leaf.validToDate];
  if (now > until.getTime()) return [`it expired at ${until.toISOString()}: renew it`];
  if (now < from.getTime()) return [`it is valid from ${from.toISOString()} on: compare the clock, or wait`];
  return [];
}

function usageProblems(leaf: X509Certificate): string[] {
  // Node calls the extended usages `keyUsage`; undefined where any is allowed.
  const usages = leaf.keyUsage as readonly string[] | undefined;
  if (usages === undefined || usages.includes(SERVER_AUTH)) return [];
  return ["it is not for servers (its extended key usage lacks serverAuth): order one that is"];
}

function chainProblems(
  [leaf, ...between]: readonly [X509Certificate, ...X509Certificate[]],
  roots: readonly X509Certificate[],
  file: string,
): string[] {
  let at = leaf;
  for (let step = 0; step <= between.length; step += 1) {
    const issued = (by: X509Certificate): boolean => at.checkIssued(by) && at.verify(by.publicKey);
    if (roots.some((root) => root.fingerprint256 === at.fingerprint256 || issued(root))) return [];
    const next = between.find(issued);
    if (!next) break;
    at = next;
  }
  return [
    `no certificate in --tls-ca ${file} has signed it; give the CA's there, and those between both behind the server's in --tls-cert`,
  ];
}
