import { systemClock } from "../../lib/clock.ts";
import type {
  Deployment,
  EndpointSlice,
  Event,
  Ingress,
  KubeObject,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from "../../api/kinds.ts";
import { humanDuration } from "../../api/columns.ts";
import { pathOf, type Resource } from "../../client/discovery.ts";
import type { Command } from "../command.ts";
import { describeIngress, describeService } from "../describe/describe-network.ts";
import { describeNode } from "../describe/describe-node.ts";
import { describePod } from "../describe/describe-pod.ts";
import { describeDeployment, describeReplicaSet } from "../describe/describe-workload.ts";
import { type Line, mapText, printLines } from "../describe/lines.ts";
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

async function describeOne(session: Session, resource: Resource, object: KubeObject): Promise<string> {
  const { name, namespace, uid } = object.metadata;
  const head: Line[] = [["Name", name], ...(resource.namespaced ? ([["Namespace", namespace]] as Line[]) : [])];
  const body = await bodyOf(session, resource, object);
  const events = await eventsOf(session, { kind: resource.kind, name: name ?? "", namespace, uid });
  return printLines([...head, ...body, { title: "Events", rows: events }]);
}

async function bodyOf(session: Session, resource: Resource, object: KubeObject): Promise<readonly Line[]> {
  const typed = object as unknown;
  const { namespace = "", name = "" } = object.metadata;
  const list = async <T>(path: string, query: Record<string, string> = {}): Promise<T[]> =>
    (await session.client.json<{ items: T[] }>("GET", path, { query, signal: session.signal })).items;
  switch (resource.kind) {
    case "Pod":
      return describePod(typed as Pod);
    case "Deployment": {
      const sets = await list<ReplicaSet>(`/apis/apps/v1/namespaces/${namespace}/replicasets`);
      return describeDeployment(
        typed as Deployment,
        sets.filter((set) => set.metadata?.ownerReferences?.some((owner) => owner.uid === object.metadata.uid)),
      );
    }
    case "ReplicaSet":
      return describeReplicaSet(typed as ReplicaSet);
    case "Service":
      return describeService(
        typed as Service,
        await list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`, {
          labelSelector: `kubernetes.io/service-name=${name}`,
        }),
      );
    case "Ingress":
      return describeIngress(typed as Ingress);
    case "Node":
      return describeNode(typed as Node, await list<Pod>("/api/v1/pods", { fieldSelector: `spec.nodeName=${name}` }));
    default:
      return describeAny(resource, object);
  }
}

/** Any other kind: its fields as they are. A Secret shows sizes, never values. */
function describeAny(resource: Resource, object: KubeObject): readonly Line[] {
  const fields = Object.entries(object).filter(
    ([field]) => field !== "apiVersion" && field !== "kind" && field !== "metadata",
  );
  const shown = (name: string, value: unknown): Line => {
    if (resource.kind === "Secret" && name === "data" && typeof value === "object" && value !== null) {
      return {
        title: "Data",
        lines: Object.entries(value).map(([key, text]): Line => [
          key,
          `${Buffer.from(String(text), "base64").length} bytes`,
        ]),
      };
    }
    const title = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
    if (typeof value !== "object" || value === null) return [title, String(value)];
    return { title, lines: Object.entries(value).map(([key, inner]) => shown(key, inner)) };
  };
  return [
    ["API Version", object.apiVersion],
    ["Kind", object.kind],
    ["Labels", mapText(object.metadata.labels)],
    ["Annotations", mapText(object.metadata.annotations)],
    ["CreationTimestamp", object.metadata.creationTimestamp],
    ...fields.map(([name, value]) => shown(name, value)),
  ];
}

async function eventsOf(
  session: Session,
  about: {
    readonly kind: string;
    readonly name: string;
    readonly namespace: string | undefined;
    readonly uid: string | undefined;
  },
): Promise<readonly (readonly string[])[]> {
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
    .filter(
      (event) =>
        about.uid === undefined || event.involvedObject.uid === undefined || event.involvedObject.uid === about.uid,
    )
    .toSorted((a, b) => (time(a) ?? "").localeCompare(time(b) ?? ""))
    .map((event) => {
      const count = event.count ?? 1;
      const age =
        count > 1 ? `${ageText(time(event))} (x${count} over ${ageText(event.firstTimestamp)})` : ageText(time(event));
      return [
        event.type ?? "",
        event.reason ?? "",
        age,
        event.source?.component ?? event.reportingComponent ?? "",
        (event.message ?? "").trim(),
      ];
    });
  return [["Type", "Reason", "Age", "From", "Message"], ...rows];
}
