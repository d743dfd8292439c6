import { join } from "node:path";
import { declarationOfResource } from "../../api/catalog.ts";
import { invalidObject } from "../../api/field-error.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { openRegistry } from "../../apiserver/open-registry.ts";
import type { LocalObjects } from "../../apiserver/local-objects.ts";
import type { Registry } from "../../apiserver/registry.ts";
import { type EventSource, ObjectEventRecorder } from "../../client/event-recorder.ts";
import type { EventRecorder } from "../../api/objects.ts";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import type { Part } from "../../lib/run-together.ts";
import { DataKeys } from "../../security/at-rest/data-keys.ts";
import { TrustVault } from "../../security/at-rest/trust-vault.ts";
import type { DurableStore } from "../../store/durable-store.ts";
import { openStore } from "../../store/open-store.ts";
import type { Key } from "../../store/port.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import { ClusterMembers } from "../replication/cluster-members.ts";
import { isTrust } from "../replication/replicated.ts";
import { MeasuredStore } from "./measured-store.ts";
import { recordDiscarded } from "./record-discarded.ts";

export interface AgentDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** The node's copy of the cluster, and the ways to read and change it. */
export interface State {
  readonly store: MeasuredStore;
  /** The same, as replication sees it. */
  readonly replica: DurableStore;
  readonly registry: Registry;
  readonly objects: LocalObjects;
  readonly metrics: Metrics;
  /** Seals everything with a new key. Gives whether the older ones are gone, which a backup that cannot be read prevents. */
  rotateDataKey(): Promise<boolean>;
  recorder(source: EventSource): EventRecorder;
  readonly parts: readonly Part[];
  /** Resolves once everything is on disk. */
  close(): Promise<void>;
}

/** The data directory cannot be used as it is: trying again would not help, and the message says what would. */
export class StateRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StateRefused";
  }
}

export async function openState(config: AgentConfig, { clock, random, logger }: AgentDeps): Promise<State> {
  const { dataDir, nodeName, serviceCidr } = config;
  const keys: { data?: DataKeys; vault?: TrustVault } = {};
  const openSealer = async (used: readonly string[]): Promise<DataKeys> => {
    const { unlockPassphraseFile: passphraseFile, unlockForGood: unlock } = config;
    keys.data = await DataKeys.open({ file: join(dataDir, "data.key"), used, clock, passphraseFile, unlock });
    keys.vault = new TrustVault(dataDir, keys.data);
    await keys.vault.use();
    return keys.data;
  };
  const members: { all?: ClusterMembers } = {};
  const knownMembers = (key: Key): readonly string[] => members.all?.holders(key, nodeName) ?? [nodeName];
  const durable = await openStore(
    { dataDir, nodeName, clock, random, logger, knownMembers },
    { prepareImport, openSealer, isBackedUp: (resource) => !isTrust(resource) },
  ).catch((error: unknown) => {
    throw new StateRefused(describeError(error), { cause: error });
  });
  members.all = new ClusterMembers({ store: durable, clock });
  const metrics = new Metrics();
  const store = new MeasuredStore(durable, { clock, metrics });
  const { registry, objects } = openRegistry(
    { store, clock, random },
    { serviceCidr, servesNodePorts: !config.rootless },
  );
  const events = new ObjectEventRecorder({ objects, clock, logger });
  return {
    store,
    replica: durable,
    registry,
    objects,
    metrics,
    rotateDataKey: async () => {
      await keys.data?.rotate();
      // A write under way may have been sealed just before: the second look finds it.
      const all = (await durable.reseal()) && (await durable.reseal());
      await keys.vault?.reseal();
      if (all) await keys.data?.forgetOlder();
      return all;
    },
    recorder: (source) => events.from(source),
    parts: [
      { name: "store", run: (signal) => durable.run(signal) },
      {
        name: "report of discarded changes",
        run: (signal) => recordDiscarded({ store: durable, objects, metrics, clock, logger }, signal),
      },
    ],
    close: async () => {
      await events.flush();
      await durable.close();
    },
  };
}

/** Completes an imported object as a user's would be: an older export knows nothing of newer defaults. */
function prepareImport({ resource }: Key, object: KubeObject): KubeObject {
  const kind = declarationOfResource(resource);
  if (!kind) return object; // not of the API: tokens, say
  const own = structuredClone(object);
  kind.applyDefaults(own);
  const problems = kind.validate(own);
  if (problems.length > 0)
    throw invalidObject({ kind: kind.kind, group: kind.group, name: own.metadata.name ?? "" }, problems);
  return own;
}
