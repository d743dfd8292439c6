import type { Pod } from "../../api/kinds.ts";
import { pathOf } from "../../client/discovery.ts";
import { duration, wholeNumber } from "../arguments.ts";
import type { Arguments, Command } from "../command.ts";
import { askedForOne } from "../named.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

export const logs: Command = {
  name: "logs",
  summary: "Print a container's output",
  usage: "(POD | KIND/NAME | -l LABELS) [-c CONTAINER] [flags]",
  examples: ["psctl logs web-1 -f", "psctl logs deploy/web --tail=20", "psctl logs -l app=web --prefix"],
  flags: [
    { name: "follow", short: "f", type: "switch", meaning: "go on with output as it is written" },
    {
      name: "container",
      short: "c",
      type: "text",
      placeholder: "NAME",
      meaning: "which container; the first by default",
    },
    { name: "all-containers", type: "switch", meaning: "all containers of the pod" },
    { name: "previous", short: "p", type: "switch", meaning: "of the container's last run" },
    { name: "selector", short: "l", type: "text", placeholder: "LABELS", meaning: "of all pods with these labels" },
    { name: "tail", type: "text", placeholder: "LINES", meaning: "only the last lines" },
    { name: "since", type: "text", placeholder: "TIME", meaning: "only what is younger, such as 5m" },
    { name: "timestamps", type: "switch", meaning: "put the time before each line" },
    { name: "prefix", type: "switch", meaning: "put pod and container before each line" },
  ],
  run: async (session, args) => {
    const pods = await podsOf(session, args);
    const sources = pods.flatMap((pod) => containersOf(session, pod, args).map((container) => ({ pod, container })));
    if (args.has("follow")) await Promise.all(sources.map((source) => copyLog(session, args, source)));
    else for (const source of sources) await copyLog(session, args, source);
    return 0;
  },
};

async function podsOf(session: Session, args: Arguments): Promise<readonly Pod[]> {
  const { client, namespace, signal } = session;
  const list = async (labelSelector: string | undefined): Promise<Pod[]> => {
    const answer = await client.json<{ items: Pod[] }>("GET", `/api/v1/namespaces/${namespace}/pods`, {
      query: { labelSelector },
      signal,
    });
    return answer.items;
  };
  if (args.has("selector")) return await list(args.text("selector"));
  const words = args.positionals;
  const [first, ...more] = words;
  if (first === undefined) throw new UsageError("Name a pod, or pods by -l LABELS");
  if (!first.includes("/") && more.length === 0)
    return [
      await client.json<Pod>("GET", `/api/v1/namespaces/${namespace}/pods/${encodeURIComponent(first)}`, { signal }),
    ];
  const { resource, name } = await askedForOne(session, words);
  const object = await client.json<
    Pod & { spec: { selector?: { matchLabels?: Record<string, string> } & Record<string, unknown> } }
  >("GET", pathOf(resource, { namespace, name }), { signal });
  if (resource.kind === "Pod") return [object];
  const labels = object.spec.selector?.matchLabels ?? (object.spec.selector as Record<string, string> | undefined);
  if (!labels || Object.keys(labels).length === 0)
    throw new UsageError(`${resource.kind} "${name}" selects no pods by labels; name a pod`);
  const pods = await list(
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  );
  const [pod, ...others] = pods;
  if (!pod) throw new Error(`Cannot print logs of ${resource.kind} "${name}": it has no pods`);
  if (others.length > 0) session.streams.err(`Found ${pods.length} pods, using pod/${pod.metadata?.name}\n`);
  return [pod];
}

function containersOf(session: Session, pod: Pod, args: Arguments): readonly string[] {
  const names = (pod.spec?.containers ?? []).map((container) => container.name);
  const asked = args.text("container");
  if (asked !== undefined) return [asked];
  if (args.has("all-containers"))
    return [...(pod.spec?.initContainers ?? []).map((container) => container.name), ...names];
  const chosen = pod.metadata?.annotations?.["kubectl.kubernetes.io/default-container"] ?? names[0] ?? "";
  if (names.length > 1) session.streams.err(`Defaulted container "${chosen}" out of: ${names.join(", ")}\n`);
  return [chosen];
}

async function copyLog(
  session: Session,
  args: Arguments,
  { pod, container }: { pod: Pod; container: string },
): Promise<void> {
  const since = duration(args, "since");
  const tail = wholeNumber(args, "tail") ?? (args.has("selector") ? 10 : undefined);
  const on = (name: string): string | undefined => (args.has(name) ? "true" : undefined);
  const { namespace, name } = pod.metadata ?? {};
  const response = await session.client.open("GET", `/api/v1/namespaces/${namespace}/pods/${name}/log`, {
    query: {
      container,
      follow: on("follow"),
      previous: on("previous"),
      timestamps: on("timestamps"),
      tailLines: tail === undefined || tail < 0 ? undefined : String(tail),
      sinceSeconds: since === undefined ? undefined : String(Math.max(1, Math.ceil(since / 1000))),
    },
    accept: "*/*",
    signal: session.signal,
  });
  const prefix = args.has("prefix") ? `[pod/${name}/${container}] ` : "";
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) session.streams.out(lines.map((line) => `${prefix}${line}\n`).join(""));
  }
  if (rest !== "") session.streams.out(`${prefix}${rest}`);
}
