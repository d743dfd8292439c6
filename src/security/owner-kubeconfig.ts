import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { ClusterAuthority } from "./cluster-authority.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

const OWNER_DAYS = 365;
const RENEW_BEFORE_MS = 90 * 86_400_000;

export interface OwnerKubeconfigOptions {
  /** Where the file `kubeconfig` goes (0600). */
  readonly directory: string;
  /** `https://host:port`. */
  readonly server: string;
}

/**
 * Writes the owner's kubeconfig: all CAs that are believed, and a client certificate of the group system:masters. A file
 * that is still good for this server is left as it is. Gives its path.
 */
export async function writeOwnerKubeconfig(
  deps: { readonly authority: ClusterAuthority; readonly clock: Clock },
  { directory, server }: OwnerKubeconfigOptions,
): Promise<string> {
  const path = join(directory, "kubeconfig");
  const current = await readPrivateFile(path);
  if (current !== undefined && isGood(current, server, deps)) return path;
  const owner = deps.authority.issue({
    usage: "client",
    commonName: "podman-swarm-owner",
    organizations: ["system:masters"],
    days: OWNER_DAYS,
  });
  await writePrivateFile(path, kubeconfig({ server, authority: deps.authority.trusted.join(""), ...owner }));
  return path;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function kubeconfig(of: { server: string; authority: string; certificate: string; key: string }): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: podman-swarm
  cluster:
    server: ${of.server}
    certificate-authority-data: ${base64(of.authority)}
contexts:
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

function isGood(text: string, server: string, deps: { authority: ClusterAuthority; clock: Clock }): boolean {
  const field = (name: string): string => new RegExp(`^\\s*${name}: (\\S+)$`, "m").exec(text)?.[1] ?? "";
  const decoded = (name: string): string => Buffer.from(field(name), "base64").toString();
  if (field("server") !== server) return false;
  if (decoded("certificate-authority-data") !== deps.authority.trusted.join("")) return false;
  try {
    const certificate = new X509Certificate(decoded("client-certificate-data"));
    if (!certificate.verify(new X509Certificate(deps.authority.certificate).publicKey)) return false;
    return certificate.validToDate.getTime() - deps.clock.now() > RENEW_BEFORE_MS;
  } catch {
    // Not a certificate: the file is written anew.
    return false;
  }
}
