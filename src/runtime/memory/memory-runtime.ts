import type { Clock } from "../../lib/clock.ts";
import {
  RuntimeError,
  type ContainerExit,
  type ContainerSpec,
  type ExecOptions,
  type ExecResult,
  type ObservedContainer,
  type ObservedSandbox,
  type Runtime,
  type RuntimeChange,
  type Sandbox,
  type SandboxSpec,
  type StopOptions,
} from "../runtime-port.ts";

/** How a simulated container behaves. */
export interface Behaviour {
  /** The command cannot be run. */
  readonly unstartable?: boolean;
  /** It ends by itself after so long; otherwise it runs until it is stopped. */
  readonly endsAfterMs?: number;
  readonly exitCode?: number;
  readonly ignoresTerm?: boolean;
  readonly exec?: (command: readonly string[]) => ExecResult;
}

export interface MemoryRuntimeDeps {
  readonly clock: Clock;
  readonly behave: (spec: ContainerSpec) => Behaviour;
}

/** 128 and the numbers of SIGTERM and SIGKILL. */
const TERMINATED = 143;
const KILLED = 137;

interface SimulatedContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly sandbox: SimulatedSandbox;
  readonly behaviour: Behaviour;
  state: ObservedContainer["state"];
  startedAt: number | undefined;
  exit: ContainerExit | undefined;
  cancel: (() => void) | undefined;
  readonly waiters: (() => void)[];
}

interface SimulatedSandbox {
  readonly owner: string;
  readonly sandbox: Sandbox;
  running: boolean;
}

type Listener = (change: RuntimeChange) => void;

/** What exists on one simulated host, whoever made it. */
export class MemoryEngine {
  readonly sandboxes = new Map<string, SimulatedSandbox>();
  readonly containers = new Map<string, SimulatedContainer>();
  readonly listeners = new Map<Listener, string>();
  #next = 0;

  id(what: string): string {
    this.#next += 1;
    return `${what}-${this.#next}`;
  }
}

export interface MemoryRuntimeOptions {
  /** The node. */
  readonly owner?: string;
  /** Shared by the runtimes of one host; one of its own by default. */
  readonly engine?: MemoryEngine;
}

/** Containers without an engine, on whatever clock is given: nothing happens but by a call or by its timers. */
export class MemoryRuntime implements Runtime {
  readonly #clock: Clock;
  readonly #behave: (spec: ContainerSpec) => Behaviour;
  readonly #owner: string;
  readonly #engine: MemoryEngine;

  constructor(
    { clock, behave }: MemoryRuntimeDeps,
    { owner = "node", engine = new MemoryEngine() }: MemoryRuntimeOptions = {},
  ) {
    this.#owner = owner;
    this.#engine = engine;
    this.#clock = clock;
    this.#behave = behave;
  }

  async watch(listener: (change: RuntimeChange) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    listener({ type: "snapshot", sandboxes: this.#observe(), since: this.#clock.monotonic() });
    this.#engine.listeners.set(listener, this.#owner);
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#engine.listeners.delete(listener);
  }

  async createSandbox({ pod, attempt }: SandboxSpec, signal: AbortSignal): Promise<Sandbox> {
    signal.throwIfAborted();
    for (const { sandbox } of this.#own()) {
      if (sandbox.pod.uid === pod.uid && sandbox.attempt === attempt) this.#removeSandbox(sandbox.id);
    }
    const sandbox = { id: this.#engine.id("sandbox"), pod, attempt };
    this.#engine.sandboxes.set(sandbox.id, { owner: this.#owner, sandbox, running: true });
    return sandbox;
  }

  async removeSandbox(sandboxId: string): Promise<void> {
    this.#removeSandbox(sandboxId);
  }

  async createContainer(sandbox: Sandbox, spec: ContainerSpec, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const home = this.#engine.sandboxes.get(sandbox.id);
    if (!home) throw new RuntimeError("missing", `Cannot create ${spec.name}: there is no sandbox ${sandbox.id}`);
    for (const other of this.#engine.containers.values()) {
      const same = other.sandbox === home && other.spec.name === spec.name && other.spec.attempt === spec.attempt;
      if (same) this.#remove(other);
    }
    const id = this.#engine.id("container");
    this.#engine.containers.set(id, {
      id,
      spec,
      sandbox: home,
      behaviour: this.#behave(spec),
      state: "created",
      startedAt: undefined,
      exit: undefined,
      cancel: undefined,
      waiters: [],
    });
    return id;
  }

  async startContainer(containerId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const container = this.#existing(containerId);
    const { behaviour, spec } = container;
    if (container.state !== "created") return;
    if (behaviour.unstartable) {
      throw new RuntimeError("start", `Cannot start ${spec.name}: its command was not found`);
    }
    container.state = "running";
    container.startedAt = this.#clock.now();
    if (behaviour.endsAfterMs === undefined) return;
    container.cancel = this.#clock.timer(behaviour.endsAfterMs, () => this.#end(container, behaviour.exitCode ?? 0));
  }

  async stopContainer(containerId: string, { graceSeconds }: StopOptions, signal: AbortSignal): Promise<void> {
    const container = this.#engine.containers.get(containerId);
    if (container?.state !== "running") return;
    if (!container.behaviour.ignoresTerm) return this.#end(container, container.behaviour.exitCode ?? TERMINATED);
    const ended = new Promise<void>((resolve) => void container.waiters.push(resolve));
    await Promise.race([ended, this.#clock.sleep(graceSeconds * 1000, signal)]);
    if (container.state === "running") this.#end(container, KILLED);
  }

  async removeContainer(containerId: string): Promise<void> {
    const container = this.#engine.containers.get(containerId);
    if (container) this.#remove(container);
  }

  async exec(containerId: string, { command }: ExecOptions, signal: AbortSignal): Promise<ExecResult> {
    signal.throwIfAborted();
    const container = this.#existing(containerId);
    if (container.state !== "running")
      throw new RuntimeError("refused", "Cannot run a command: the container has ended");
    return container.behaviour.exec?.(command) ?? { exitCode: 0, output: "" };
  }

  #existing(containerId: string): SimulatedContainer {
    const container = this.#engine.containers.get(containerId);
    if (!container) throw new RuntimeError("missing", `There is no container ${containerId}`);
    return container;
  }

  #removeSandbox(sandboxId: string): void {
    const home = this.#engine.sandboxes.get(sandboxId);
    if (!home) return;
    for (const container of this.#engine.containers.values()) if (container.sandbox === home) this.#remove(container);
    this.#engine.sandboxes.delete(sandboxId);
    this.#tell({ type: "sandboxStopped", podUid: home.sandbox.pod.uid, sandboxId }, home.owner);
  }

  #remove(container: SimulatedContainer): void {
    if (container.state === "running") this.#end(container, KILLED);
    this.#engine.containers.delete(container.id);
    const { sandbox, owner } = container.sandbox;
    this.#tell({ type: "removed", podUid: sandbox.pod.uid, containerId: container.id }, owner);
  }

  #end(container: SimulatedContainer, exitCode: number): void {
    if (container.state !== "running") return;
    container.cancel?.();
    container.state = "exited";
    const now = this.#clock.now();
    container.exit = { exitCode, oomKilled: false, startedAt: container.startedAt ?? now, finishedAt: now };
    for (const resolve of container.waiters) resolve();
    const { sandbox, owner } = container.sandbox;
    this.#tell({ type: "exited", podUid: sandbox.pod.uid, containerId: container.id, exit: container.exit }, owner);
  }

  #own(): SimulatedSandbox[] {
    return [...this.#engine.sandboxes.values()].filter(({ owner }) => owner === this.#owner);
  }

  #observe(): ObservedSandbox[] {
    const containers = [...this.#engine.containers.values()];
    return this.#own().map((home) => ({
      ...home.sandbox,
      running: home.running,
      containers: containers.filter(({ sandbox }) => sandbox === home).map(observed),
    }));
  }

  #tell(change: RuntimeChange, owner: string): void {
    for (const [listener, whose] of this.#engine.listeners) if (whose === owner) listener(change);
  }
}

function observed({ id, spec, state, startedAt, exit }: SimulatedContainer): ObservedContainer {
  return {
    id,
    name: spec.name,
    attempt: spec.attempt,
    specHash: spec.specHash,
    imageId: spec.image,
    state,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exit ? { exit } : {}),
  };
}
