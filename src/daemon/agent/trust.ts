import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../../lib/log.ts";
import type { Part } from "../../lib/run-together.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import { formatAddress, parseRange } from "../../network/ipv4-range.ts";
import { ClusterAuthority } from "../../security/certificates/cluster-authority.ts";
import { type ProvidedTrust, writeOwnerKubeconfig } from "../../security/certificates/owner-kubeconfig.ts";
import { ProvidedIdentity } from "../../security/certificates/provided-identity.ts";
import { ServerIdentity } from "../../security/certificates/server-identity.ts";
import { serverNames } from "../../security/certificates/server-names.ts";
import { joinAtStart, trustDirectory } from "../cluster/join-at-start.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { AgentDeps } from "./state.ts";

/** The cluster's CA, and what it vouches for on this node. */
export interface Trust {
  readonly authority: ClusterAuthority;
  /** What the API shows. */
  readonly api: ServerIdentity;
  /** The user's own certificate for it. */
  readonly provided: ProvidedIdentity | undefined;
  /** What the ingress shows for hosts without a certificate of their own. */
  readonly ingress: ServerIdentity;
  /** The owner's kubeconfig. */
  readonly kubeconfig: string;
  readonly parts: readonly Part[];
}

/** Joins first, where the flags say so: then what this node has is the cluster's. */
export async function openTrust(
  config: AgentConfig,
  { clock, logger }: AgentDeps,
  signal: AbortSignal,
): Promise<Trust> {
  const log = logger.with({ part: "trust" });
  const directory = trustDirectory(config.dataDir);
  await joinAtStart(config, { clock, log, signal });
  const authority = await ClusterAuthority.open({ directory, clock });
  const { nodeName, clusterDomain, advertiseAddr } = config;
  const altNames = (): string[] =>
    serverNames({ nodeName, clusterDomain, serviceAddress: firstServiceAddress(config), extra: [advertiseAddr] });
  const api = new ServerIdentity({ authority, clock, log }, { directory, commonName: nodeName, altNames });
  const provided = config.tls === undefined ? undefined : new ProvidedIdentity({ clock, log }, config.tls);
  const ingressDirectory = join(directory, "ingress");
  mkdirSync(ingressDirectory, { recursive: true, mode: 0o700 });
  const ingress = new ServerIdentity(
    { authority, clock, log },
    {
      directory: ingressDirectory,
      commonName: "podman-swarm ingress default",
      altNames: () => [nodeName, advertiseAddr],
    },
  );
  await Promise.all([api.load(), ingress.load(), provided?.load()]);
  if (provided) warnOfNames(provided, { config, log });
  const writeKubeconfig = (): Promise<string> =>
    writeOwnerKubeconfig(
      { authority, clock },
      { directory: config.dataDir, server: `https://${clientAddress(config)}`, ...checkedBy(provided, config) },
    );
  const kubeconfig = await writeKubeconfig();
  const keepKubeconfig = async (until: AbortSignal): Promise<void> => {
    authority.onChange(() => writeKubeconfig().then(() => {}), until);
    provided?.onChange(() => {
      writeKubeconfig().catch((error: unknown) => {
        log.error("Cannot write the owner's kubeconfig", { error: describeError(error) });
      });
    }, until);
    await untilAborted(until);
  };
  return {
    authority,
    api,
    provided,
    ingress,
    kubeconfig,
    parts: [
      { name: "cluster's CA", run: (signal) => authority.run(signal, log) },
      { name: "owner's kubeconfig", run: keepKubeconfig },
      { name: "API certificate", run: (signal) => api.run(signal) },
      ...(provided ? [{ name: "own API certificate", run: (signal: AbortSignal) => provided.run(signal) }] : []),
      { name: "ingress certificate", run: (signal) => ingress.run(signal) },
    ],
  };
}

/** How the owner's clients check a certificate of the user's own; by one of its names where it lacks the address. */
function checkedBy(provided: ProvidedIdentity | undefined, config: AgentConfig): { readonly provided?: ProvidedTrust } {
  if (!provided) return {};
  const serverName = provided.covers(clientHost(config)) ? undefined : provided.nameFor(config.nodeName);
  return { provided: { ca: provided.ca, serverName } };
}

function warnOfNames(
  provided: ProvidedIdentity,
  { config, log }: { config: AgentConfig; log: AgentDeps["logger"] },
): void {
  const host = clientHost(config);
  if (provided.covers(host)) return;
  const name = provided.nameFor(config.nodeName);
  log.warn("The API's certificate does not have this node's address: clients that connect to it there refuse it", {
    address: host,
    instead: name === undefined ? "there is no name in it either" : `the owner's kubeconfig asks for ${name}`,
  });
}

function clientHost({ apiAddr, advertiseAddr }: AgentConfig): string {
  return apiAddr.host === "0.0.0.0" || apiAddr.host === "::" ? advertiseAddr : apiAddr.host;
}

/** Where this node's clients find its API. */
function clientAddress(config: AgentConfig): string {
  const { apiAddr } = config;
  const host = clientHost(config);
  return `${host.includes(":") ? `[${host}]` : host}:${apiAddr.port}`;
}

/** The address of the `kubernetes` service: the first of the range, as upstream has it. */
export function firstServiceAddress({ serviceCidr }: AgentConfig): string {
  return formatAddress(parseRange(serviceCidr).base + 1);
}
