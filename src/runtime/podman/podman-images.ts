import {
  RuntimeError,
  type ImageFacts,
  type Images,
  type ImageSummary,
  type PullOptions,
  type RegistryAuth,
} from "../runtime-port.ts";
import { PodmanError, type PodmanHttp } from "./podman-http.ts";

interface InspectedImage {
  readonly Id: string;
  readonly RepoDigests: readonly string[] | null;
  readonly User?: string;
  readonly Config?: { readonly User?: string; readonly StopSignal?: string };
}

/** One line of the pull stream (libpod `entities.ImagePullReport`). */
interface PullReport {
  readonly stream?: string;
  readonly error?: string;
  readonly id?: string;
}

interface ListedImage {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
}

/** URL-safe with its padding, as Podman reads it (`pkg/auth/auth.go`); without padding it answers "unexpected EOF". */
function encodeAuth(auth: RegistryAuth): string {
  return Buffer.from(JSON.stringify(auth)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

export class PodmanImages implements Images {
  readonly #http: PodmanHttp;

  constructor(deps: { readonly http: PodmanHttp }) {
    this.#http = deps.http;
  }

  async inspect(reference: string, signal: AbortSignal): Promise<ImageFacts | undefined> {
    try {
      const path = `/images/${encodeURIComponent(reference)}/json`;
      const image = await this.#http.json<InspectedImage>({ path, signal });
      return {
        id: image.Id,
        repoDigest: image.RepoDigests?.[0],
        user: image.Config?.User ?? image.User ?? "",
        stopSignal: image.Config?.StopSignal,
      };
    } catch (error) {
      if (error instanceof PodmanError && error.status === 404) return undefined;
      throw error;
    }
  }

  async pull(reference: string, { auth, onProgress }: PullOptions, signal: AbortSignal): Promise<ImageFacts> {
    let id: string | undefined;
    const lines = this.#http.lines({
      method: "POST",
      path: "/images/pull",
      query: { reference, policy: "always" },
      headers: auth ? { "x-registry-auth": encodeAuth(auth) } : {},
      timeoutMs: 30 * 60_000,
      signal,
    });
    for await (const line of lines) {
      const report = JSON.parse(line) as PullReport;
      if (report.error) throw new RuntimeError("refused", report.error);
      if (report.stream) onProgress(report.stream.trim());
      if (report.id) id = report.id;
    }
    const facts = id === undefined ? undefined : await this.inspect(id, signal);
    if (!facts) throw new RuntimeError("refused", `Cannot pull ${reference}: Podman ended the pull without an image`);
    return facts;
  }

  async list(signal: AbortSignal): Promise<readonly ImageSummary[]> {
    const images = await this.#http.json<readonly ListedImage[]>({ path: "/images/json", signal });
    return images.map((image) => ({
      id: image.Id,
      names: [...(image.RepoDigests ?? []), ...(image.RepoTags ?? [])],
      bytes: image.Size,
    }));
  }
}
