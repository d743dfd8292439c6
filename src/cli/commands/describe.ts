import { systemClock } from "../../lib/clock.ts";
import type {
  ConfigMap,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Ingress,
  KubeObject,
  Lease,
  Namespace,
  Node,
  ObjectMeta,
  Pod,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
} from "../../api/kinds.ts";
import { humanDuration } from "../../api/columns.ts";
import { pathOf, type Resource } from "../../client/discovery.ts";
import type { Command } from "../command.ts";
import { describeAny } from "../describe/describe-any.ts";
import { describeConfigMap, describeSecret, describeServiceAccount } from "../describe/describe-data.ts";
import { describeEndpoints, describeEndpointSlice } from "../describe/describe-endpoints.ts";
import { describeIngress, describeService } from "../describe/describe-network.ts";
import { describeNode } from "../describe/describe-node.ts";
import { describePod } from "../describe/describe-pod.ts";
import { describeDeployment, describeReplicas } from "../describe/describe-workload.ts";
import { headLines, printDescription, type Lines } from "../describe/description.ts";
import { visibleLine } from "../output/visible.ts";
import { type Asked, askedFor } from "../named.ts";
import type { Session } from "../session.ts";

export const describe: Command = {
  name: "describe",
  summary: "Show one object in detail, with its Events",
  usage: "(KIND [NAME...] | KIND/NAME...) [flags]",
  examples: ["psctl describe pod web-1", "psctl describe node"],
  flags: [{ name: "selector", short: "l", type: "text", placeholder: "LABELS", meaning: "objects with these labels" }],
  run: async (session, args) => {
    const blocks: string[] = [];
    for (const asked of await askedFor(session, args.positionals)) {
      for (const object of await objectsOf(session, asked, args.text("selector")))
        blocks.push(await describeOne(session, asked.resource, object));
    }
    if (blocks.length === 0) session.streams.err(`No resources found in ${session.namespace} namespace.\n`);
    session.streams.out(blocks.join("\n\n"));
    return 0;
  },
};

async function objectsOf(
  session: Session,
  { resource, name }: Asked,
  labelSelector: string | undefined,
): Promise<readonly KubeObject[]> {
  const path = pathOf(resource, { namespace: session.namespace, name });
  if (name !== undefined) return [await session.client.json<KubeObject>("GET", path, { signal: session.signal })];
  return (
    await session.client.json<{ items: KubeObject[] }>("GET", path, {
      query: { labelSelector },
      signal: session.signal,
    })
  ).items;
}

/** Kinds of which kubectl shows no Events. */
const WITHOUT_EVENTS: ReadonlySet<string> = new Set(["Secret", "Namespace"]);

async function describeOne(session: Session, resource: Resource, object: KubeObject): Promise<string> {
  const { name, namespace, uid } = object.metadata;
  const body = await bodyOf(session, resource, object);
  if (WITHOUT_EVENTS.has(resource.kind)) return printDescription(body);
  const events = await eventsOf(session, { kind: resource.kind, name: name ?? "", namespace, uid });
  return printDescription([...body, ...events]);
}

async function bodyOf(session: Session, resource: Resource, object: KubeObject): Promise<Lines> {
  const { namespace = "", name = "", uid } = object.metadata;
  const reader = new Reader(session, namespace);
  const ofKind = <K>(): K => object as unknown as K;
  switch (resource.kind) {
    case "Pod":
      return describePod(ofKind<Pod>(), systemClock.now());
    case "Deployment": {
      const sets = await reader.list<ReplicaSet>("apps/v1", "replicasets");
      return describeDeployment(ofKind<Deployment>(), sets.filter(controlledBy(uid)));
    }
    case "ReplicaSet":
    case "ReplicationController": {
      const pods = await reader.list<Pod>("v1", "pods");
      return describeReplicas(ofKind<ReplicaSet>(), pods.filter(controlledBy(uid)));
    }
    case "Service":
      return describeService(ofKind<Service>(), await reader.slices(`kubernetes.io/service-name=${name}`));
    case "Endpoints":
      return describeEndpoints(ofKind<Endpoints>());
    case "EndpointSlice":
      return describeEndpointSlice(ofKind<EndpointSlice>());
    case "Ingress": {
      const [services, slices] = await Promise.all([reader.list<Service>("v1", "services"), reader.slices()]);
      return describeIngress(ofKind<Ingress>(), { services, slices });
    }
    case "Node": {
      const [pods, lease] = await Promise.all([reader.podsOf(name), reader.leaseOf(name)]);
      return describeNode(ofKind<Node>(), { pods, lease, now: systemClock.now() });
    }
    case "Namespace":
      return await namespaceLines(ofKind<Namespace>(), new Reader(session, name));
    case "ConfigMap":
      return describeConfigMap(ofKind<ConfigMap>());
    case "Secret":
      return describeSecret(ofKind<Secret>());
    case "ServiceAccount":
      return describeServiceAccount(ofKind<ServiceAccount>());
    default:
      return describeAny(object);
  }
}

async function namespaceLines(namespace: Namespace, reader: Reader): Promise<Lines> {
  const [quotas, ranges] = await Promise.all([
    reader.list<KubeObject>("v1", "resourcequotas"),
    reader.list<KubeObject>("v1", "limitranges"),
  ]);
  const named = (title: string, objects: readonly KubeObject[]): string =>
    `${title}: ${objects.map(({ metadata }) => metadata.name).join(", ")}`;
  return [
    ...headLines(namespace.metadata),
    `Status:\t${namespace.status?.phase ?? ""}`,
    "",
    quotas.length === 0 ? "No resource quota." : named("Resource Quotas", quotas),
    "",
    ranges.length === 0 ? "No LimitRange resource." : named("Resource Limits", ranges),
  ];
}

function controlledBy(uid: string | undefined): (object: { readonly metadata?: ObjectMeta }) => boolean {
  return ({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid) === true;
}

/** Reads what belongs to an object. */
class Reader {
  readonly #session: Session;
  readonly #namespace: string;

  constructor(session: Session, namespace: string) {
    this.#session = session;
    this.#namespace = namespace;
  }

  async list<T>(version: string, plural: string, query: Readonly<Record<string, string>> = {}): Promise<T[]> {
    const root = version === "v1" ? "/api/v1" : `/apis/${version}`;
    return await this.#items<T>(`${root}/namespaces/${this.#namespace}/${plural}`, query);
  }

  async slices(labelSelector?: string): Promise<EndpointSlice[]> {
    return await this.list(
      "discovery.k8s.io/v1",
      "endpointslices",
      labelSelector === undefined ? {} : { labelSelector },
    );
  }

  async podsOf(node: string): Promise<Pod[]> {
    return await this.#items<Pod>("/api/v1/pods", { fieldSelector: `spec.nodeName=${node}` });
  }

  async leaseOf(node: string): Promise<Lease | undefined> {
    const path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    return (await this.#items<Lease>(path, { fieldSelector: `metadata.name=${node}` }))[0];
  }

  async #items<T>(path: string, query: Readonly<Record<string, string>>): Promise<T[]> {
    const { client, signal } = this.#session;
    return (await client.json<{ items: T[] }>("GET", path, { query, signal })).items;
  }
}

async function eventsOf(
  session: Session,
  about: {
    readonly kind: string;
    readonly name: string;
    readonly namespace: string | undefined;
    readonly uid: string | undefined;
  },
): Promise<Lines> {
  const path = about.namespace === undefined ? "/api/v1/events" : `/api/v1/namespaces/${about.namespace}/events`;
  const fieldSelector = `involvedObject.kind=${about.kind},involvedObject.name=${about.name}`;
  const { items } = await session.client.json<{ items: Event[] }>("GET", path, {
    query: { fieldSelector },
    signal: session.signal,
  });
  const now = systemClock.now();
  const ageText = (then: string | undefined): string =>
    then === undefined ? "<unknown>" : humanDuration(now - Date.parse(then));
  const time = (event: Event): string | undefined =>
    event.lastTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp;
  const rows = items
    .filter(({ involvedObject: { uid } }) => {
      // A node's own Events carry its name as the uid.
      const ofNode = about.kind === "Node" && uid === about.name;
      return about.uid === undefined || uid === undefined || uid === about.uid || ofNode;
    })
    .toSorted((a, b) => (time(a) ?? "").localeCompare(time(b) ?? ""))
    .map((event) => {
      const count = event.count ?? 1;
      const age =
        count > 1 ? `${ageText(time(event))} (x${count} over ${ageText(event.firstTimestamp)})` : ageText(time(event));
      const from = event.source?.component ?? event.reportingComponent ?? "";
      const cells = [event.type ?? "", event.reason ?? "", age, from, (event.message ?? "").trim()];
      return `  ${cells.map(visibleLine).join("\t")}`;
    });
  if (rows.length === 0) return ["Events:\t<none>"];
  return ["Events:", "  Type\tReason\tAge\tFrom\tMessage", "  ----\t------\t----\t----\t-------", ...rows];
}
