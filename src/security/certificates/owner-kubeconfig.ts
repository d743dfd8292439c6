import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";
import type { ClusterAuthority } from "./cluster-authority.ts";
import { readPrivateFile, writePrivateFile } from "../at-rest/private-file.ts";

const OWNER_DAYS = 365;
const RENEW_BEFORE_MS = 90 * 86_400_000;

export interface OwnerKubeconfigOptions {
  /** Where the file `kubeconfig` goes (0600). */
  readonly directory: string;
  /** `https://host:port`. */
  readonly server: string;
  /** How clients check the server where it shows the user's own certificate. */
  readonly provided?: ProvidedTrust | undefined;
}

export interface ProvidedTrust {
  /** PEM; the system's CAs where it is undefined. */
  readonly ca: string | undefined;
  /** The name in the certificate, where that does not have the server's address. */
  readonly serverName: string | undefined;
}

/**
 * Writes the owner's kubeconfig: all CAs that are believed, and a client certificate of the group system:masters. A file
 * that is still good for this server is left as it is. Gives its path.
 */
export async function writeOwnerKubeconfig(
  deps: { readonly authority: ClusterAuthority; readonly clock: Clock },
  { directory, server, provided }: OwnerKubeconfigOptions,
): Promise<string> {
  const path = join(directory, "kubeconfig");
  const current = await readPrivateFile(path);
  const { ca, serverName } = provided ?? { ca: deps.authority.trusted.join(""), serverName: undefined };
  const cluster = clusterLines({ server, ca, serverName });
  if (current?.includes(`\n${cluster}contexts:`) && isGood(current, deps)) return path;
  const owner = deps.authority.issue({
    usage: "client",
    commonName: "podman-swarm-owner",
    organizations: ["system:masters"],
    days: OWNER_DAYS,
  });
  await writePrivateFile(path, kubeconfig({ cluster, ...owner }));
  return path;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function clusterLines({ server, ca, serverName }: ProvidedTrust & { readonly server: string }): string {
  const lines = [
    `server: ${server}`,
    ...(ca === undefined ? [] : [`certificate-authority-data: ${base64(ca)}`]),
    ...(serverName === undefined ? [] : [`tls-server-name: ${serverName}`]),
  ];
  return lines.map((line) => `    ${line}\n`).join("");
}

function kubeconfig(of: { cluster: string; certificate: string; key: string }): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: podman-swarm
  cluster:
${of.cluster}contexts:
- name: podman-swarm
  context:
    cluster: podman-swarm
    user: podman-swarm-owner
current-context: podman-swarm
users:
- name: podman-swarm-owner
  user:
    client-certificate-data: ${base64(of.certificate)}
    client-key-data: ${base64(of.key)}
`;
}

function isGood(text: string, deps: { authority: ClusterAuthority; clock: Clock }): boolean {
  const field = (name: string): string => new RegExp(`^\\s*${name}: (\\S+)$`, "m").exec(text)?.[1] ?? "";
  const decoded = (name: string): string => Buffer.from(field(name), "base64").toString();
  try {
    const certificate = new X509Certificate(decoded("client-certificate-data"));
    if (!certificate.verify(new X509Certificate(deps.authority.certificate).publicKey)) return false;
    return certificate.validToDate.getTime() - deps.clock.now() > RENEW_BEFORE_MS;
  } catch {
    // Not a certificate: the file is written anew.
    return false;
  }
}
