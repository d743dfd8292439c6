import type { TestContext } from "node:test";
import { declarationOf, declarations } from "../../src/api/catalog.ts";
import type { KindName, Kinds } from "../../src/api/kinds.ts";
import type { EventRecorder, NewObject, Objects } from "../../src/api/objects.ts";
import { stored, type Stored } from "../../src/api/stored.ts";
import { openRegistry } from "../../src/apiserver/open-registry.ts";
import { ObjectEventRecorder } from "../../src/client/event-recorder.ts";
import { ClusterView } from "../../src/controllers/cluster-view.ts";
import { ALWAYS_HOME } from "../../src/controllers/controller.ts";
import { createControllers } from "../../src/controllers/create-controllers.ts";
import { ControllerRunner } from "../../src/controllers/runner.ts";
import { systemClock, type Clock } from "../../src/lib/clock.ts";
import { createLogger, type Logger } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { Scheduler } from "../../src/scheduler/scheduler.ts";
import { openMemoryStore } from "../../src/store/open-memory-store.ts";
import { eventually } from "../poll.ts";
import { SmallKubelet } from "./small-kubelet.ts";

export interface LiveCluster {
  readonly objects: Objects;
  /** What was logged at warning level and above. */
  readonly warnings: readonly string[];
  get<K extends KindName>(kind: K, name: string, namespace?: string): Stored<K>;
  find<K extends KindName>(kind: K, name: string, namespace?: string): Stored<K> | undefined;
  list<K extends KindName>(kind: K, namespace?: string): readonly Stored<K>[];
  /** Reads, changes a copy, writes; again when somebody was faster. */
  change<K extends KindName>(kind: K, name: string, change: (object: Stored<K>) => void): Promise<void>;
  /** Until controllers have nothing to do. */
  settled(): Promise<void>;
}

export interface LiveClusterOptions {
  readonly nodes?: readonly string[];
  /** How many nodes think that they are home of everything, as happens for a moment when membership changes. */
  readonly deciders?: number;
}

/** Everything of a single node but containers and the network: real registry, store, controllers and scheduler. */
export async function liveCluster(
  t: TestContext,
  { nodes = ["node1"], deciders = 1 }: LiveClusterOptions = {},
): Promise<LiveCluster> {
  const warnings: string[] = [];
  const logger = createLogger({ level: "warn", write: (line) => void warnings.push(line) });
  const clock = systemClock;
  const store = openMemoryStore();
  const { objects } = openRegistry({ store, clock, random: systemRandom });
  const recorders = new ObjectEventRecorder({ objects, clock, logger });
  const recorder = (component: string) => recorders.from({ component });
  const parts = Array.from({ length: deciders }, () => decider({ objects, clock, logger, recorder }));
  const kubelet = new SmallKubelet({ objects, clock });
  const stop = new AbortController();
  kubelet.start(stop.signal);
  const running = Promise.all(
    parts.flatMap(({ runner, scheduler }) => [runner.run(stop.signal), scheduler.run(stop.signal)]),
  );
  t.after(async () => {
    stop.abort();
    await running;
    await recorders.flush();
    await store.close();
    if (kubelet.errors.length > 0) throw new AggregateError(kubelet.errors, "Cannot run test pods");
  });
  for (const name of nodes) await addNode(objects, name);
  await eventually(() => objects.get("ServiceAccount", { namespace: "default", name: "default" }) !== undefined);
  return { ...access(objects), warnings, settled: () => settled(parts.map(({ runner }) => runner)) };
}

interface DeciderDeps {
  readonly objects: Objects;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recorder: (component: string) => EventRecorder;
}

function decider(deps: DeciderDeps): { readonly runner: ControllerRunner; readonly scheduler: Scheduler } {
  const view = new ClusterView(deps);
  const controllers = createControllers({ ...deps, view, kinds: declarations, rootCa: () => "PEM" });
  const runner = new ControllerRunner({ ...deps, view, homes: ALWAYS_HOME, controllers });
  const home = { isHome: () => true, changed: () => {} };
  const recorder = deps.recorder("default-scheduler");
  return { runner, scheduler: new Scheduler({ ...deps, recorder, home }) };
}

async function settled(runners: readonly ControllerRunner[]): Promise<void> {
  let quiet = 0;
  const idle = (): boolean => runners.every((runner) => runner.idle);
  await eventually(() => (quiet = idle() ? quiet + 1 : 0) >= 3, { what: "idle controllers" });
}

function access(objects: Objects): Omit<LiveCluster, "warnings" | "settled"> {
  const find = <K extends KindName>(kind: K, name: string, namespace?: string): Stored<K> | undefined => {
    const scoped = declarationOf(kind).namespaced ? (namespace ?? "default") : undefined;
    const object = objects.get(kind, { namespace: scoped, name });
    return object && stored(object);
  };
  const get: LiveCluster["get"] = (kind, name, namespace) => {
    const object = find(kind, name, namespace);
    if (!object) throw new Error(`Cannot find ${kind} ${name}: there is none`);
    return object;
  };
  return {
    objects,
    find,
    get,
    list: <K extends KindName>(kind: K, namespace = "default") =>
      objects.list(kind, declarationOf(kind).namespaced ? namespace : undefined).map((object) => stored<K>(object)),
    change: async (kind, name, change) => {
      await eventually(async () => {
        const copy = structuredClone(get(kind, name));
        change(copy);
        await objects.update(kind, copy);
        return true;
      });
    },
  };
}

async function addNode(objects: Objects, name: string): Promise<void> {
  const node: NewObject<"Node"> = { metadata: { name, labels: { "kubernetes.io/hostname": name } }, spec: {} };
  const made = await objects.create("Node", node);
  const status: Kinds["Node"]["status"] = {
    capacity: { cpu: "8", memory: "16Gi", "ephemeral-storage": "100Gi", pods: "600" },
    allocatable: { cpu: "8", memory: "16Gi", "ephemeral-storage": "100Gi", pods: "600" },
    conditions: [{ type: "Ready", status: "True" }],
  };
  await objects.updateStatus("Node", { ...made, status });
}
