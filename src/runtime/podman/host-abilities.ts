import type { HostAbilities } from "../pod/host-limits.ts";
import type { PodmanHttp } from "./podman-http.ts";

interface Info {
  readonly host: { readonly cgroupVersion: string; readonly security: { readonly rootless: boolean } };
}

/** What this host can enforce. One call of 150 ms: ask once. */
export async function hostAbilities(http: PodmanHttp, signal: AbortSignal): Promise<HostAbilities> {
  const { host } = await http.json<Info>({ path: "/info", signal });
  const { rootless } = host.security;
  // Without root, Podman ignores limits on cgroups v1 with no more than a warning in its log.
  return { limits: !rootless || host.cgroupVersion === "v2", ownership: !rootless };
}
