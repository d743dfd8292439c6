import type { Container, Pod, Volume } from "../../../api/kinds.ts";

const VOLUMES = ["emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected"] as const;
const PROJECTED = ["configMap", "secret", "downwardAPI"] as const;

/** What of a pod this node cannot do yet, in sentences; such a pod stays Pending and says why. */
export function unsupported(pod: Pod): string[] {
  const spec = pod.spec;
  if (!spec) return [];
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  return [
    ...(spec.volumes ?? []).flatMap(volume),
    ...containers.flatMap(container),
    ...when(spec.hostUsers === false, "spec.hostUsers: user namespaces for pods are not supported yet"),
    ...when(spec.runtimeClassName, "spec.runtimeClassName: runtime classes are not supported yet"),
    ...when(spec.resourceClaims?.length, "spec.resourceClaims: dynamic resources are not supported yet"),
    ...when(spec.ephemeralContainers?.length, "spec.ephemeralContainers: ephemeral containers are not supported yet"),
    ...when(spec.os?.name && spec.os.name !== "linux", `spec.os: ${spec.os?.name} is not supported`),
    ...when(
      spec.securityContext?.seccompProfile?.type === "Localhost",
      "spec.securityContext.seccompProfile: only RuntimeDefault and Unconfined are supported",
    ),
  ];
}

function volume(volume: Volume): string[] {
  if (volume.persistentVolumeClaim) {
    const claim = volume.persistentVolumeClaim.claimName;
    return [
      `volume "${volume.name}": persistentVolumeClaim "${claim}" cannot be mounted: claims are not supported yet`,
    ];
  }
  if (volume.projected) {
    return (volume.projected.sources ?? [])
      .flatMap((source) => Object.keys(source))
      .filter((type) => !(PROJECTED as readonly string[]).includes(type))
      .map((type) => `volume "${volume.name}": projected ${type} is not supported yet`);
  }
  if (VOLUMES.some((type) => volume[type] !== undefined)) return [];
  const type = Object.keys(volume).find((key) => key !== "name") ?? "of no type";
  return [`volume "${volume.name}": ${type} is not supported yet`];
}

function container({ name, volumeDevices, volumeMounts, securityContext, resources }: Container): string[] {
  const where = `container "${name}"`;
  return [
    ...when(volumeDevices?.length, `${where}: volumeDevices are not supported yet`),
    ...(volumeMounts ?? [])
      .filter(({ recursiveReadOnly }) => recursiveReadOnly === "Enabled")
      .map((mount) => `${where}: recursiveReadOnly of volume "${mount.name}" is not supported; IfPossible is`),
    ...when(resources?.claims?.length, `${where}: resource claims are not supported yet`),
    ...when(securityContext?.procMount === "Unmasked", `${where}: securityContext.procMount Unmasked is not supported`),
    ...when(
      securityContext?.seccompProfile?.type === "Localhost",
      `${where}: only the seccomp profiles RuntimeDefault and Unconfined are supported`,
    ),
    ...when(
      securityContext?.appArmorProfile?.type === "Localhost",
      `${where}: AppArmor profiles of the host are not supported yet`,
    ),
  ];
}

function when(condition: unknown, message: string): string[] {
  return condition ? [message] : [];
}
