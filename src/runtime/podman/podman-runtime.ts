import type { Clock } from "../../lib/clock.ts";
import type { Logger } from "../../lib/log.ts";
import { Slots } from "../slots.ts";
import {
  RuntimeError,
  type ContainerSpec,
  type ExecOptions,
  type ExecResult,
  type Runtime,
  type RuntimeChange,
  type Sandbox,
  type SandboxSpec,
  type StopOptions,
} from "../runtime-port.ts";
import { containerBody } from "./container-body.ts";
import { execCollect } from "./exec-stream.ts";
import { containerName, sandboxName } from "./names.ts";
import { PodmanError, type PodmanHttp } from "./podman-http.ts";
import { PodmanWatch } from "./podman-watch.ts";
import { sandboxBody } from "./sandbox-body.ts";

export interface PodmanRuntimeOptions {
  /** Creates, starts and removals at once: more only wait for the same locks in Podman. */
  readonly parallel?: number;
  /** Milliseconds between full looks, for changes that no event told. */
  readonly relistMs?: number;
}

interface PodmanDeps {
  /** This node's id: pods and containers of others are neither told nor touched. */
  readonly node: string;
  readonly http: PodmanHttp;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pods on Podman: one Podman pod each, its infra container holding the network. */
export class PodmanRuntime implements Runtime {
  readonly #deps: PodmanDeps;
  readonly #slots: Slots;
  readonly #relistMs: number;

  constructor(deps: PodmanDeps, { parallel = 8, relistMs = 30_000 }: PodmanRuntimeOptions = {}) {
    this.#deps = deps;
    this.#slots = new Slots(parallel);
    this.#relistMs = relistMs;
  }

  watch(listener: (change: RuntimeChange) => void, signal: AbortSignal): Promise<void> {
    return new PodmanWatch(this.#deps, { listener, relistMs: this.#relistMs }).run(signal);
  }

  createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    return this.#slots.run(signal, async () => {
      const { http, node } = this.#deps;
      // Create and start belong together: an abort between them would leave a pod that nobody knows.
      const id = await this.#createOrReplace(
        () => http.json<{ Id: string }>({ method: "POST", path: "/pods/create", body: sandboxBody(node, spec) }),
        () => this.#remove(`/pods/${sandboxName(node, spec)}`),
      );
      try {
        await http.json({ method: "POST", path: `/pods/${id}/start` });
      } catch (error) {
        await this.#remove(`/pods/${id}`);
        // Podman 4.3's words (`libpod/network/netavark/ipam.go`).
        if (error instanceof PodmanError && /requested ip address .* is already allocated/.test(error.message)) {
          throw new RuntimeError("address", error.message, { cause: error });
        }
        throw error;
      }
      return { id, pod: spec.pod, attempt: spec.attempt };
    });
  }

  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void> {
    return this.#slots.run(signal, () => this.#remove(`/pods/${sandboxId}`));
  }

  createContainer(sandbox: Sandbox, spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    const { node } = this.#deps;
    const body = containerBody(node, { sandbox, spec });
    return this.#slots.run(signal, () =>
      this.#createOrReplace(
        () => this.#deps.http.json<{ Id: string }>({ method: "POST", path: "/containers/create", body }),
        () => this.#remove(`/containers/${containerName(node, sandbox, spec)}`),
      ),
    );
  }

  startContainer(containerId: string, signal: AbortSignal): Promise<void> {
    return this.#slots.run(signal, async () => {
      try {
        await this.#deps.http.json({ method: "POST", path: `/containers/${containerId}/start` });
      } catch (error) {
        if (error instanceof PodmanError && error.code === "refused") {
          throw new RuntimeError("start", error.message, { cause: error });
        }
        throw error;
      }
    });
  }

  async stopContainer(containerId: string, { graceSeconds }: StopOptions, signal: AbortSignal): Promise<void> {
    const { http } = this.#deps;
    await ignoreMissing(() =>
      http.json({
        method: "POST",
        path: `/containers/${containerId}/stop`,
        query: { timeout: Math.ceil(graceSeconds), ignore: true },
        timeoutMs: graceSeconds * 1000 + 60_000,
        signal,
      }),
    );
  }

  removeContainer(containerId: string, signal: AbortSignal): Promise<void> {
    return this.#slots.run(signal, () => this.#remove(`/containers/${containerId}`));
  }

  exec(containerId: string, options: ExecOptions, signal: AbortSignal): Promise<ExecResult> {
    return execCollect(this.#deps, containerId, { ...options, signal });
  }

  /** What an earlier try left under the same name is replaced: nobody knows how far it came. */
  async #createOrReplace(create: () => Promise<{ Id: string }>, remove: () => Promise<void>): Promise<string> {
    try {
      return (await create()).Id;
    } catch (error) {
      if (!(error instanceof PodmanError) || !/already (in use|exists)/.test(error.message)) throw error;
      await remove();
      return (await create()).Id;
    }
  }

  async #remove(path: string): Promise<void> {
    await ignoreMissing(() =>
      this.#deps.http.json({ method: "DELETE", path, query: { force: true, timeout: 0, v: true } }),
    );
  }
}

async function ignoreMissing(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // 304: stopped already.
    if (error instanceof PodmanError && (error.status === 404 || /no such (pod|container)/.test(error.message))) return;
    throw error;
  }
}
