import type { Volume } from "../../api/kinds.ts";
import { indented, orNone } from "./description.ts";

/** Each volume with its type and what matters of it. The names of an indented list have one space more. */
export function volumesLines(volumes: readonly Volume[] | undefined, indent = ""): string[] {
  if (volumes === undefined || volumes.length === 0) return [`${indent}Volumes:\t<none>`];
  const name = indent === "" ? "  " : "   ";
  return [
    `${indent}Volumes:`,
    ...volumes.flatMap((volume) => [`${name}${volume.name}:`, ...indented(volumeLines(volume), "    ")]),
  ];
}

function volumeLines(volume: Volume): string[] {
  const { emptyDir, hostPath, configMap, secret, downwardAPI, projected, persistentVolumeClaim: claim, nfs } = volume;
  if (emptyDir) {
    return [
      "Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)",
      `Medium:\t${emptyDir.medium ?? ""}`,
      `SizeLimit:\t${emptyDir.sizeLimit ?? "<unset>"}`,
    ];
  }
  if (hostPath) {
    const type = orNone(hostPath.type);
    return ["Type:\tHostPath (bare host directory volume)", `Path:\t${hostPath.path}`, `HostPathType:\t${type}`];
  }
  if (configMap) {
    return [
      "Type:\tConfigMap (a volume populated by a ConfigMap)",
      `Name:\t${configMap.name ?? ""}`,
      `Optional:\t${configMap.optional ?? false}`,
    ];
  }
  if (secret) {
    return [
      "Type:\tSecret (a volume populated by a Secret)",
      `SecretName:\t${secret.secretName ?? ""}`,
      `Optional:\t${secret.optional ?? false}`,
    ];
  }
  if (downwardAPI) {
    const items = (downwardAPI.items ?? []).map(
      ({ fieldRef, resourceFieldRef, path }) =>
        `  ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ""} -> ${path}`,
    );
    return ["Type:\tDownwardAPI (a volume populated by information about the pod)", "Items:", ...items];
  }
  if (projected) return projectedLines(projected.sources ?? []);
  if (claim) {
    return [
      "Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
      `ClaimName:\t${claim.claimName}`,
      `ReadOnly:\t${claim.readOnly ?? false}`,
    ];
  }
  if (nfs) {
    return [
      "Type:\tNFS (an NFS mount that lasts the lifetime of a pod)",
      `Server:\t${nfs.server}`,
      `Path:\t${nfs.path}`,
      `ReadOnly:\t${nfs.readOnly ?? false}`,
    ];
  }
  return [`Type:\t${Object.keys(volume).find((key) => key !== "name") ?? "<unknown>"}`];
}

type Source = NonNullable<NonNullable<Volume["projected"]>["sources"]>[number];

function projectedLines(sources: readonly Source[]): string[] {
  const each = sources.flatMap(({ secret, configMap, downwardAPI, serviceAccountToken }) => [
    ...(secret ? [`SecretName:\t${secret.name ?? ""}`, `Optional:\t${secret.optional ?? false}`] : []),
    ...(downwardAPI ? ["DownwardAPI:\ttrue"] : []),
    ...(configMap ? [`ConfigMapName:\t${configMap.name ?? ""}`, `Optional:\t${configMap.optional ?? false}`] : []),
    ...(serviceAccountToken ? [`TokenExpirationSeconds:\t${serviceAccountToken.expirationSeconds ?? 3600}`] : []),
  ]);
  return ["Type:\tProjected (a volume that contains injected data from multiple sources)", ...each];
}
