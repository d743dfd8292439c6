import assert from "node:assert/strict";
import { systemClock } from "../lib/clock.ts";
import { systemRandom } from "../lib/random.ts";
import { after, before, describe, test } from "node:test";
import type { ContainerSpec, ObservedSandbox, Runtime, RuntimeChange, Sandbox, SandboxSpec } from "./runtime-port.ts";

export type ContractContainer = "runs" | "endsWith3" | "ignoresTerm" | "unstartable";

export interface ContractHarness {
  readonly runtime: Runtime;
  /** Another owner's runtime on the same engine. */
  readonly other: Runtime;
  /** A sandbox that can be made; another address for each call. */
  sandbox(uid: string): SandboxSpec;
  container(kind: ContractContainer): ContainerSpec;
  stop(): Promise<void>;
}

const never = new AbortController().signal;
const DEADLINE_MS = 60_000;

/** Collects a runtime's changes, and waits for one. */
class Changes {
  readonly all: RuntimeChange[] = [];
  readonly #stop = new AbortController();
  readonly #run: Promise<void>;
  #look: () => void = () => {};

  constructor(runtime: Runtime) {
    this.#run = runtime.watch((change) => {
      this.all.push(change);
      this.#look();
    }, this.#stop.signal);
  }

  async until<T>(find: (changes: readonly RuntimeChange[]) => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const over = new AbortController();
    systemClock.sleep(DEADLINE_MS, over.signal).then(
      () => reject(new Error(`Not told: ${JSON.stringify(this.all)}`)),
      () => {},
    );
    this.#look = () => {
      const found = find(this.all);
      if (found !== undefined) resolve(found);
    };
    this.#look();
    return promise.finally(() => over.abort());
  }

  async snapshot(): Promise<readonly ObservedSandbox[]> {
    return this.until((changes) => changes.find((change) => change.type === "snapshot")?.sandboxes);
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }
}

/** What every `Runtime` must do; run on each implementation. */
export function runtimeContract(name: string, make: () => Promise<ContractHarness>): void {
  describe(`the runtime contract on ${name}`, () => {
    let harness: ContractHarness;
    let changes: Changes;
    before(async () => {
      harness = await make();
      changes = new Changes(harness.runtime);
      await changes.snapshot();
    });
    after(async () => {
      await changes?.end();
      await harness?.stop();
    });

    const started = async (kind: ContractContainer): Promise<{ sandbox: Sandbox; id: string; uid: string }> => {
      const uid = systemRandom.uuid();
      const sandbox = await harness.runtime.createSandbox(harness.sandbox(uid), never);
      const id = await harness.runtime.createContainer(sandbox, harness.container(kind), never);
      await harness.runtime.startContainer(id, never);
      return { sandbox, id, uid };
    };
    const exitOf = (id: string) =>
      changes.until((all) => {
        const found = all.find((change) => change.type === "exited" && change.containerId === id);
        return found?.type === "exited" ? found : undefined;
      });

    test("a container's end is told with its exit code and times", async () => {
      const { sandbox, id, uid } = await started("endsWith3");
      const { exit, podUid } = await exitOf(id);
      assert.equal(podUid, uid);
      assert.equal(exit.exitCode, 3);
      assert.ok(exit.finishedAt >= exit.startedAt);
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("stopping sends the stop signal first and SIGKILL after the grace", async () => {
      const { sandbox, id } = await started("ignoresTerm");
      await harness.runtime.stopContainer(id, { graceSeconds: 1 }, never);
      assert.equal((await exitOf(id)).exit.exitCode, 137);
      await harness.runtime.stopContainer(id, { graceSeconds: 1 }, never);
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("what exists is reported again to a new watcher", async () => {
      const { sandbox, id, uid } = await started("runs");
      const later = new Changes(harness.runtime);
      const found = (await later.snapshot()).find(({ pod }) => pod.uid === uid);
      await later.end();
      assert.equal(found?.id, sandbox.id);
      assert.equal(found?.running, true);
      assert.deepEqual(
        found?.containers.map((one) => [one.id, one.name, one.state]),
        [[id, "runs", "running"]],
      );
      assert.equal(found?.containers[0]?.specHash, harness.container("runs").specHash);
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("removing is told, and may be repeated", async () => {
      const { sandbox, id } = await started("runs");
      await harness.runtime.removeContainer(id, never);
      await harness.runtime.removeContainer(id, never);
      await changes.until((all) => all.find((change) => change.type === "removed" && change.containerId === id));
      await harness.runtime.removeSandbox(sandbox.id, never);
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("a sandbox that goes is told", async () => {
      const { sandbox, uid } = await started("runs");
      await harness.runtime.removeSandbox(sandbox.id, never);
      await changes.until((all) => all.find((change) => change.type === "sandboxStopped" && change.podUid === uid));
    });

    test("a sandbox of the same attempt replaces what an earlier try left", async () => {
      const uid = systemRandom.uuid();
      const first = await harness.runtime.createSandbox(harness.sandbox(uid), never);
      const second = await harness.runtime.createSandbox(harness.sandbox(uid), never);
      assert.notEqual(first.id, second.id);
      const later = new Changes(harness.runtime);
      const found = (await later.snapshot()).filter(({ pod }) => pod.uid === uid);
      await later.end();
      assert.deepEqual(
        found.map(({ id }) => id),
        [second.id],
      );
      await harness.runtime.removeSandbox(second.id, never);
    });

    test("a container may have its pod's name", async () => {
      const spec = harness.sandbox(systemRandom.uuid());
      const sandbox = await harness.runtime.createSandbox({ ...spec, pod: { ...spec.pod, name: "runs" } }, never);
      const id = await harness.runtime.createContainer(sandbox, harness.container("runs"), never);
      await harness.runtime.startContainer(id, never);
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("two owners with pods of the same uid do not touch each other's", async () => {
      const { sandbox, id, uid } = await started("runs");
      const told = new Changes(harness.other);
      const find = (list: readonly ObservedSandbox[]) => list.find(({ pod }) => pod.uid === uid);
      assert.equal(find(await told.snapshot()), undefined);
      const own = await harness.other.createSandbox(harness.sandbox(uid), never);
      const twin = await harness.other.createContainer(own, harness.container("runs"), never);
      await harness.other.startContainer(twin, never);
      const both = new Changes(harness.runtime);
      const found = find(await both.snapshot());
      assert.equal(found?.id, sandbox.id);
      assert.deepEqual(
        found?.containers.map((one) => [one.id, one.state]),
        [[id, "running"]],
      );
      await both.end();
      await harness.runtime.removeSandbox(sandbox.id, never);
      await exitOf(id);
      await harness.other.removeSandbox(own.id, never);
      await told.until((all) => all.find((change) => change.type === "sandboxStopped" && change.podUid === uid));
      await told.end();
      assert.deepEqual(
        told.all.filter((change) => change.type !== "snapshot" && "containerId" in change && change.containerId === id),
        [],
      );
    });

    test("a command that cannot be run fails at the start", async () => {
      const sandbox = await harness.runtime.createSandbox(harness.sandbox(systemRandom.uuid()), never);
      const id = await harness.runtime.createContainer(sandbox, harness.container("unstartable"), never);
      await assert.rejects(harness.runtime.startContainer(id, never), { name: "RuntimeError", code: "start" });
      await harness.runtime.removeSandbox(sandbox.id, never);
    });

    test("a container in a sandbox that is gone is refused", async () => {
      const sandbox = await harness.runtime.createSandbox(harness.sandbox(systemRandom.uuid()), never);
      await harness.runtime.removeSandbox(sandbox.id, never);
      await assert.rejects(harness.runtime.createContainer(sandbox, harness.container("runs"), never), {
        name: /RuntimeError|PodmanError/,
      });
    });

    test("a command runs in a container and gives its exit code and output", async () => {
      const { sandbox, id } = await started("runs");
      const command = ["sh", "-c", "echo out; exit 5"];
      const result = await harness.runtime.exec(id, { command, timeoutMs: 30_000 }, never);
      assert.deepEqual(result, { exitCode: 5, output: "out\n" });
      await harness.runtime.removeSandbox(sandbox.id, never);
    });
  });
}
