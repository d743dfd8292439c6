import type { Secret } from "../../api/kinds.ts";
import type { RegistryAuth } from "../runtime-port.ts";
import type { ImageName } from "./image-name.ts";

interface DockerAuth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
}

/** The first credentials that match the image's registry, the longest path first; undefined for none. */
export function registryAuth(image: ImageName, secrets: readonly Secret[]): RegistryAuth | undefined {
  const target = image.remote;
  const entries = secrets
    .flatMap(entriesOf)
    .map(([key, auth]): [string, DockerAuth] => [normalise(key), auth])
    .filter(([key]) => target === key || target.startsWith(`${key}/`))
    .sort(([a], [b]) => b.length - a.length);
  for (const [serveraddress, auth] of entries) {
    const credentials = credentialsOf(auth);
    if (credentials) return { ...credentials, serveraddress };
  }
  return undefined;
}

function entriesOf(secret: Secret): [string, DockerAuth][] {
  const data = secret.data ?? {};
  const modern = data[".dockerconfigjson"];
  const old = data[".dockercfg"];
  try {
    if (modern !== undefined) {
      const config = JSON.parse(decode(modern)) as { auths?: Record<string, DockerAuth> };
      return Object.entries(config.auths ?? {});
    }
    if (old !== undefined) return Object.entries(JSON.parse(decode(old)) as Record<string, DockerAuth>);
  } catch {
    // An unreadable secret helps no pull; the registry's refusal will name the image.
    return [];
  }
  return [];
}

/** `https://index.docker.io/v1/` and its like all mean the registry that we call docker.io. */
function normalise(key: string): string {
  const bare = key.replace(/^https?:\/\//, "").replace(/\/(v1|v2)?\/?$/, "");
  return bare === "index.docker.io" || bare === "registry-1.docker.io" ? "docker.io" : bare;
}

function credentialsOf({
  auth,
  username,
  password,
}: DockerAuth): Pick<RegistryAuth, "username" | "password"> | undefined {
  if (username !== undefined && password !== undefined) return { username, password };
  if (auth === undefined) return undefined;
  const text = decode(auth);
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}
