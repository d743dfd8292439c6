/**
 * What the pod workers need of a container engine. Two implementations (Podman, memory) pass the suite in runtime.contract.ts.
 *
 * Guarantees:
 * - one sandbox per pod uid and attempt; a sandbox holds the pod's network and outlives its containers;
 * - everything made carries enough to be recognised after a restart of the agent: `watch` reports it again as it is;
 * - a runtime has an owner, which is the node: what another owner made on the same engine is neither told nor touched;
 * - creating or removing what is already so succeeds (idempotent by name), so a step may be repeated after a failure;
 * - a failed call throws a `RuntimeError`; `unavailable` means that the engine cannot be reached and nothing is known.
 */
export interface Runtime {
  /**
   * Reports everything that exists, once at the start and again whenever changes may have been missed, and each change
   * between as it happens. Runs until `signal` is aborted; reconnects by itself.
   */
  watch(listener: (change: RuntimeChange) => void, signal: AbortSignal): Promise<void>;
  /** Makes and starts the sandbox. */
  createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Kills what still runs in it and removes it with all its containers. */
  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
  createContainer(sandbox: Sandbox, spec: ContainerSpec, signal: AbortSignal): Promise<string>;
  /** Resolves when the container's process has started. `code: "start"` when its command cannot be run. */
  startContainer(containerId: string, signal: AbortSignal): Promise<void>;
  /** Sends the stop signal, after `graceSeconds` SIGKILL; resolves when it has stopped. Harmless when it has. */
  stopContainer(containerId: string, stop: StopOptions, signal: AbortSignal): Promise<void>;
  removeContainer(containerId: string, signal: AbortSignal): Promise<void>;
  /** Runs a command in a running container. Rejects with `code: "timeout"` after `timeoutMs`. */
  exec(containerId: string, exec: ExecOptions, signal: AbortSignal): Promise<ExecResult>;
}

/** The images of the engine; beside `Runtime`, because pulls are limited and backed off apart from pods. */
export interface Images {
  /** Undefined when there is no such image here. */
  inspect(reference: string, signal: AbortSignal): Promise<ImageFacts | undefined>;
  /** Throws a `RuntimeError` with the registry's reason. */
  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageFacts>;
  list(signal: AbortSignal): Promise<readonly ImageSummary[]>;
}

export interface Owner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PortMapping {
  readonly containerPort: number;
  readonly hostPort: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIp?: string;
}

export interface SandboxSpec {
  readonly pod: Owner;
  /** Counts the sandboxes of one pod, from 0. */
  readonly attempt: number;
  readonly hostname: string;
  /** Undefined for the host's own network. */
  readonly network: { readonly name: string; readonly ip: string } | undefined;
  readonly ports: readonly PortMapping[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly sharePids: boolean;
}

export interface Sandbox {
  readonly id: string;
  readonly pod: Owner;
  readonly attempt: number;
}

export interface Mount {
  /** A path on the host. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  readonly propagation?: "private" | "rslave" | "rshared";
}

export interface ContainerSpec {
  readonly name: string;
  /** Counts the starts of this container, from 0. */
  readonly attempt: number;
  readonly specHash: string;
  /** An image's id or reference that is present. */
  readonly image: string;
  readonly entrypoint: readonly string[] | undefined;
  readonly command: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly workDir: string | undefined;
  readonly mounts: readonly Mount[];
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly stopSignal: string | undefined;
  /** Where standard output and error go, in the CRI log format. */
  readonly logPath: string;
  readonly limits: {
    readonly cpuShares?: number;
    /** Microseconds per 100,000 microseconds. */
    readonly cpuQuota?: number;
    readonly memoryBytes?: number;
  };
  /** Who is killed first when memory runs out, -1000 to 1000; the engine's own when undefined. */
  readonly oomScore?: number;
  readonly security: ContainerSecurity;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
}

export interface ContainerSecurity {
  /** `uid[:gid]`; the image's own user when undefined. */
  readonly user: string | undefined;
  readonly groups: readonly string[];
  readonly privileged: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly readOnlyRoot: boolean;
  readonly noNewPrivileges: boolean;
  readonly seccompUnconfined: boolean;
  readonly selinux: readonly string[];
}

export interface StopOptions {
  readonly graceSeconds: number;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly timeoutMs: number;
}

export interface ExecResult {
  readonly exitCode: number;
  /** Standard output and error together, at most 10 KiB. */
  readonly output: string;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly specHash: string;
  readonly imageId: string;
  readonly state: "created" | "running" | "exited";
  readonly startedAt?: number;
  /** Set when `state` is `exited`. */
  readonly exit?: ContainerExit;
}

export interface ObservedSandbox extends Sandbox {
  readonly running: boolean;
  readonly containers: readonly ObservedContainer[];
}

export type RuntimeChange =
  | {
      readonly type: "snapshot";
      readonly sandboxes: readonly ObservedSandbox[];
      /** `Clock.monotonic()` before the look began: what was made since may be missing from it. */
      readonly since: number;
    }
  | { readonly type: "exited"; readonly podUid: string; readonly containerId: string; readonly exit: ContainerExit }
  | { readonly type: "removed"; readonly podUid: string; readonly containerId: string }
  | { readonly type: "sandboxStopped"; readonly podUid: string; readonly sandboxId: string };

export interface ImageFacts {
  readonly id: string;
  /** `name@sha256:...` where the registry gave one. */
  readonly repoDigest: string | undefined;
  /** The image's `USER`, empty for none. */
  readonly user: string;
  readonly stopSignal: string | undefined;
}

export interface ImageSummary {
  readonly id: string;
  readonly names: readonly string[];
  readonly bytes: number;
}

export interface RegistryAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
}

export interface PullOptions {
  readonly auth: RegistryAuth | undefined;
  readonly onProgress: (line: string) => void;
}

/** `address`: the one that a sandbox was to have is in use, by what is not ours. */
export type RuntimeErrorCode = "unavailable" | "missing" | "start" | "timeout" | "refused" | "address";

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RuntimeError";
    this.code = code;
  }
}
