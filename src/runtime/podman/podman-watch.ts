import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { RuntimeError, type ContainerExit, type RuntimeChange } from "../runtime-port.ts";
import {
  bareSandboxes,
  exitOf,
  sandboxesOf,
  stateOf,
  type InspectedContainer,
  type ListedContainer,
  type ListedPod,
} from "./container-reports.ts";
import { LABEL, type Labels } from "./labels.ts";
import { killedForMemory } from "./oom-log.ts";
import { PodmanError, type PodmanHttp } from "./podman-http.ts";

/** 128 and the number of SIGKILL. */
const SIGKILLED = 137;

/** One line of libpod's event stream (Docker's shape). */
interface PodmanEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Labels };
  readonly timeNano: number;
}

/** Turns Podman's events into changes: first the stream, then a listing, so that nothing falls between. */
export class PodmanWatch {
  readonly #http: PodmanHttp;
  readonly #node: string;
  readonly #toldForeign = new Set<string>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listener: (change: RuntimeChange) => void;
  readonly #relistMs: number;

  constructor(
    deps: { readonly http: PodmanHttp; readonly node: string; readonly clock: Clock; readonly log: Logger },
    options: { readonly listener: (change: RuntimeChange) => void; readonly relistMs: number },
  ) {
    this.#http = deps.http;
    this.#node = deps.node;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#listener = options.listener;
    this.#relistMs = options.relistMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    const firstDelayMs = 50;
    let delayMs = firstDelayMs;
    while (!signal.aborted) {
      try {
        await this.#once(signal, () => (delayMs = firstDelayMs));
      } catch (error) {
        if (signal.aborted) return;
        // Told once: for as long as Podman does not answer, the node says so.
        const level = delayMs === firstDelayMs ? "warn" : "debug";
        this.#log[level]("Podman's events are interrupted; listing again", { error: describeError(error) });
      }
      await pause(this.#clock, delayMs, signal);
      delayMs = Math.min(2000, delayMs * 2);
    }
  }

  /** Returns or throws when the stream has ended. */
  async #once(signal: AbortSignal, connected: () => void): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const events = this.#follow(both);
    const relisting = this.#relist(both, connected);
    try {
      await Promise.race([events, relisting]);
    } finally {
      ended.abort(new Error("the stream ended"));
      await Promise.allSettled([events, relisting]);
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const lines = this.#http.lines({
      path: "/events",
      query: { stream: true, filters: JSON.stringify({ type: ["container"] }) },
      timeoutMs: 2 ** 31 - 1,
      signal,
    });
    for await (const line of lines) this.#take(line, signal);
    throw new RuntimeError("unavailable", "Podman closed the event stream");
  }

  async #relist(signal: AbortSignal, connected: () => void): Promise<void> {
    while (!signal.aborted) {
      await this.#list(signal);
      connected();
      await this.#clock.sleep(this.#relistMs, signal);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const since = this.#clock.monotonic();
    // Before the containers: a pod that comes later is not taken for one without any.
    const pods = await this.#pods(signal);
    const all = await this.#http.json<readonly ListedContainer[] | undefined>({
      path: "/containers/json",
      query: { all: true, filters: JSON.stringify({ label: [LABEL.podUid] }) },
      signal,
    });
    const listed = (all ?? []).filter(({ Labels: labels }) => labels?.[LABEL.node] === this.#node);
    this.#tellForeign((all ?? []).filter(({ Labels: labels }) => labels?.[LABEL.node] !== this.#node));
    const ended = listed.filter((one) => !one.IsInfra && stateOf(one.State) === "exited");
    const exits = new Map<string, ContainerExit>();
    for (const { Id, ExitCode } of ended) exits.set(Id, await this.#exit(Id, { exitCode: ExitCode, signal }));
    const sandboxes = sandboxesOf(listed, exits);
    this.#listener({ type: "snapshot", sandboxes: [...sandboxes, ...bareSandboxes(pods, sandboxes)], since });
  }

  async #pods(signal: AbortSignal): Promise<readonly ListedPod[]> {
    try {
      const filters = JSON.stringify({ label: [`${LABEL.node}=${this.#node}`] });
      return (
        (await this.#http.json<readonly ListedPod[] | undefined>({ path: "/pods/json", query: { filters }, signal })) ??
        []
      );
    } catch (error) {
      // Podman 4.3 fails as a whole when one of them goes meanwhile; the next look finds what this one would have.
      if (!(error instanceof PodmanError)) throw error;
      this.#log.debug("Cannot list Podman's pods", { error: describeError(error) });
      return [];
    }
  }

  /** Once for each node: they may be alive, or what a lost data directory has left. Nobody but a person can tell. */
  #tellForeign(foreign: readonly ListedContainer[]): void {
    const pods = Map.groupBy(
      foreign.filter(({ IsInfra }) => IsInfra),
      ({ Labels: labels }) => labels?.[LABEL.node] ?? "",
    );
    for (const [node, infras] of pods) {
      if (this.#toldForeign.has(node)) continue;
      this.#toldForeign.add(node);
      const ids = infras.map(({ Pod }) => Pod.slice(0, 12)).join(" ");
      const which = node === "" ? ids : `$(podman pod ls --quiet --filter label=${LABEL.node}=${node})`;
      this.#log.warn("Podman has pods of another node, or of this one before it lost its data directory: left alone", {
        pods: infras.length,
        toRemoveThem: `podman pod rm --force --time 0 ${which}`,
      });
    }
  }

  #take(line: string, signal: AbortSignal): void {
    const event = JSON.parse(line) as PodmanEvent;
    const attributes = event.Actor.Attributes;
    const podUid = attributes[LABEL.podUid];
    if (event.Type !== "container" || podUid === undefined || attributes[LABEL.node] !== this.#node) return;
    const containerId = event.Actor.ID;
    const infra = attributes[LABEL.container] === undefined;
    if (event.Action === "died" && infra) {
      this.#listener({ type: "sandboxStopped", podUid, sandboxId: attributes["podId"] ?? "" });
    } else if (event.Action === "died") {
      void this.#died(podUid, containerId, { exitCode: Number(attributes["containerExitCode"] ?? -1), signal });
    } else if (event.Action === "remove" && !infra) {
      this.#listener({ type: "removed", podUid, containerId });
    } else if (event.Action === "remove") {
      this.#listener({ type: "sandboxStopped", podUid, sandboxId: attributes["podId"] ?? "" });
    }
  }

  /** Never rejects: `#exit` falls back to what the event said. */
  async #died(podUid: string, containerId: string, known: { exitCode: number; signal: AbortSignal }): Promise<void> {
    const exit = await this.#exit(containerId, known);
    if (!known.signal.aborted) this.#listener({ type: "exited", podUid, containerId, exit });
  }

  async #exit(
    containerId: string,
    { exitCode, signal }: { exitCode: number; signal: AbortSignal },
  ): Promise<ContainerExit> {
    const now = this.#clock.now();
    try {
      const inspected = await this.#http.json<InspectedContainer>({ path: `/containers/${containerId}/json`, signal });
      let exit = exitOf(inspected, now);
      // Most are killed because they did not heed their stop signal: the kernel's log is only read where it may tell more.
      const suspect = exitCode === SIGKILLED && !exit.oomKilled && inspected.HostConfig.Memory > 0;
      if (suspect && (await killedForMemory(containerId))) exit = { ...exit, oomKilled: true };
      // The event may overtake the state that it announces.
      return stateOf(inspected.State.Status) === "exited" ? exit : { ...exit, exitCode, finishedAt: now };
    } catch (error) {
      if (!signal.aborted) this.#log.debug("A container ended and is gone", { error: describeError(error) });
      return { exitCode, oomKilled: false, startedAt: now, finishedAt: now };
    }
  }
}
