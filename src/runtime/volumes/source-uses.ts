import type { Pod } from "../../api/kinds.ts";

/** Whether a pod takes anything from a ConfigMap or Secret: its change may start or renew something. */
export function usesSource(pod: Pod, kind: "ConfigMap" | "Secret", name: string): boolean {
  return sources(pod).some((source) => source.kind === kind && source.name === name);
}

interface Source {
  readonly kind: "ConfigMap" | "Secret";
  readonly name: string | undefined;
}

function sources(pod: Pod): Source[] {
  const spec = pod.spec;
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const volumes = spec?.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  const env = containers.flatMap((container) => container.env ?? []).map((variable) => variable.valueFrom);
  const envFrom = containers.flatMap((container) => container.envFrom ?? []);
  return [
    ...volumes.map(({ configMap }) => configMap?.name).map(configMapNamed),
    ...volumes.map(({ secret }) => secret?.secretName).map(secretNamed),
    ...projected.map(({ configMap }) => configMap?.name).map(configMapNamed),
    ...projected.map(({ secret }) => secret?.name).map(secretNamed),
    ...env.map((from) => from?.configMapKeyRef?.name).map(configMapNamed),
    ...env.map((from) => from?.secretKeyRef?.name).map(secretNamed),
    ...envFrom.map(({ configMapRef }) => configMapRef?.name).map(configMapNamed),
    ...envFrom.map(({ secretRef }) => secretRef?.name).map(secretNamed),
    ...(spec?.imagePullSecrets ?? []).map((ref) => ref.name).map(secretNamed),
  ];
}

function configMapNamed(name: string | undefined): Source {
  return { kind: "ConfigMap", name };
}

function secretNamed(name: string | undefined): Source {
  return { kind: "Secret", name };
}
