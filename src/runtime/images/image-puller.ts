import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/log.ts";
import { ContainerError } from "../pod/pod-error.ts";
import type { ImageFacts, Images, RegistryAuth } from "../runtime-port.ts";
import { RuntimeError } from "../runtime-port.ts";
import { Slots } from "../slots.ts";
import { parseImageName, type ImageName } from "./image-name.ts";

export interface ImageNeed {
  readonly image: string;
  /** Upstream's default by tag when undefined. */
  readonly policy: string | undefined;
  auth(name: ImageName): RegistryAuth | undefined;
  /** Progress as Events. */
  event(type: "Normal" | "Warning", reason: string, message: string): void;
  /** The latest line of a pull that runs. */
  progress(line: string): void;
}

/** Brings images here by their policy; few at a time, and one image once for all who wait for it. */
export class ImagePuller {
  readonly #images: Images;
  readonly #clock: Clock;
  readonly #slots: Slots;

  constructor(deps: { readonly images: Images; readonly clock: Clock }, { parallel = 3 } = {}) {
    this.#images = deps.images;
    this.#clock = deps.clock;
    this.#slots = new Slots(parallel);
  }

  /** Throws a `ContainerError` with reason InvalidImageName, ErrImageNeverPull or ErrImagePull. */
  async ensure(need: ImageNeed, signal: AbortSignal): Promise<ImageFacts> {
    const name = parseImageName(need.image);
    if (!name) {
      const message = `Failed to apply default image tag "${need.image}": couldn't parse image name: invalid reference format`;
      need.event("Warning", "InspectFailed", message);
      throw new ContainerError("InvalidImageName", message);
    }
    const policy = need.policy ?? name.defaultPolicy;
    const present = policy === "Always" ? undefined : await this.#images.inspect(name.local, signal);
    if (present) {
      need.event("Normal", "Pulled", `Container image "${need.image}" already present on machine`);
      return present;
    }
    if (policy === "Never") {
      const message = `Container image "${need.image}" is not present with pull policy of Never`;
      need.event("Warning", "ErrImageNeverPull", message);
      throw new ContainerError("ErrImageNeverPull", message);
    }
    return this.#pull(name, need, signal);
  }

  async #pull(name: ImageName, need: ImageNeed, signal: AbortSignal): Promise<ImageFacts> {
    const askedAt = this.#clock.monotonic();
    return this.#slots.run(signal, async () => {
      const startedAt = this.#clock.monotonic();
      need.event("Normal", "Pulling", `Pulling image "${need.image}"`);
      try {
        const facts = await this.#images.pull(
          name.remote,
          { auth: need.auth(name), onProgress: (line) => need.progress(line) },
          signal,
        );
        const now = this.#clock.monotonic();
        const took = `${duration(now - startedAt)} (${duration(now - askedAt)} including waiting)`;
        need.event("Normal", "Pulled", `Successfully pulled image "${need.image}" in ${took}`);
        return facts;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RuntimeError && error.code === "unavailable") throw error;
        const why = describeError(error);
        need.event("Warning", "Failed", `Failed to pull image "${need.image}": ${why}`);
        need.event("Warning", "Failed", "Error: ErrImagePull");
        throw new ContainerError("ErrImagePull", why, { cause: error });
      }
    });
  }
}

/** As Go prints a duration of milliseconds: `850ms`, `1.2s`. */
function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${Math.round(ms) / 1000}s`;
}
