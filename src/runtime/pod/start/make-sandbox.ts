import { readFile } from "node:fs/promises";
import type { Pod } from "../../../api/kinds.ts";
import { describeError } from "../../../lib/log.ts";
import { RuntimeError, type PortMapping, type SandboxSpec } from "../../runtime-port.ts";
import { hostsFile, resolvConf } from "../../volumes/network-files.ts";
import { VolumeError } from "../../volumes/volume-files.ts";
import { emit, type PodContext } from "../pod-context.ts";

/** After a failure: doubled, from one second to thirty. */
const RETRY_MS = [1000, 2000, 4000, 8000, 15_000, 30_000] as const;

/** As many as a node has. */
const MOST_ADDRESSES = 254;

/** Address, volumes and the sandbox itself; containers can start after it. Never throws but for an abort. */
export async function makeSandbox(context: PodContext, failures: number, signal: AbortSignal): Promise<boolean> {
  const { deps, state } = context;
  try {
    await attempt(context, signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RuntimeError && error.code === "address" && failures < MOST_ADDRESSES) {
      // Left by another node, or by this one before it lost its data directory: another is tried at once.
      deps.log.warn("A pod's address is in use; trying another", { ip: state.ip, error: error.message });
      await deps.network.release(context.uid);
      return false;
    }
    const mount = error instanceof VolumeError;
    const message = mount ? error.message : `Failed to create pod sandbox: ${describeError(error)}`;
    emit(context, { type: "Warning", reason: mount ? "FailedMount" : "FailedCreatePodSandBox", message });
    state.retryAt = deps.clock.now() + (RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 30_000);
    return false;
  }
}

async function attempt(context: PodContext, signal: AbortSignal): Promise<void> {
  const { deps, state, uid } = context;
  const pod = context.pod();
  const { name = "", namespace = "default" } = pod.metadata ?? {};
  const hostNetwork = pod.spec?.hostNetwork === true;
  const attachment = hostNetwork ? undefined : await deps.network.attach({ uid, namespace, name });
  state.ip = attachment?.ip ?? deps.node.hostIp;
  const hostname = hostnameOf(pod, deps.clusterDomain);
  const [hostResolv, hostHosts] = await Promise.all([
    readFile("/etc/resolv.conf", "utf8").catch(() => ""),
    hostNetwork ? readFile("/etc/hosts", "utf8") : undefined,
    context.volumes(),
  ]);
  await deps.directory.writeNetworkFiles(uid, {
    hosts: hostsFile(pod, {
      ip: state.ip,
      hostname,
      clusterDomain: deps.clusterDomain,
      ...(hostHosts === undefined ? {} : { base: hostHosts }),
    }),
    resolvConf: resolvConf(pod, { cluster: attachment ?? deps.network.resolver(namespace), host: hostResolv }),
  });
  signal.throwIfAborted();
  const spec: SandboxSpec = {
    pod: { uid, namespace, name },
    attempt: state.sandboxes,
    hostname,
    network: attachment ? { name: attachment.network, ip: attachment.ip } : undefined,
    ports: hostNetwork ? [] : hostPorts(pod),
    sysctls: Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map((one) => [one.name, one.value])),
    sharePids: pod.spec?.shareProcessNamespace === true,
  };
  state.sandboxMadeAt = deps.clock.monotonic();
  const sandbox = await deps.runtime.createSandbox(spec, signal);
  state.sandbox = sandbox;
  state.sandboxes = sandbox.attempt + 1;
  if (attachment) await deps.network.started(uid);
  state.sandboxAlive = true;
}

/** Upstream's: the pod's name up to 63 characters, or `spec.hostname`; with setHostnameAsFQDN the full name. */
function hostnameOf(pod: Pod, clusterDomain: string): string {
  const short = (pod.spec?.hostname ?? pod.metadata?.name ?? "").slice(0, 63).replace(/[-.]+$/, "");
  const { setHostnameAsFQDN, subdomain } = pod.spec ?? {};
  if (!setHostnameAsFQDN || !subdomain) return short;
  return `${short}.${subdomain}.${pod.metadata?.namespace ?? "default"}.svc.${clusterDomain}`;
}

function hostPorts(pod: Pod): PortMapping[] {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({
      containerPort: port.containerPort,
      hostPort: port.hostPort ?? 0,
      protocol: (port.protocol ?? "TCP").toLowerCase() as PortMapping["protocol"],
      ...(port.hostIP ? { hostIp: port.hostIP } : {}),
    }));
}
