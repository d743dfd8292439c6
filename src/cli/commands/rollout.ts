import { timestamp, systemClock } from "../../lib/clock.ts";
import type { Deployment, PodTemplateSpec, ReplicaSet } from "../../api/kinds.ts";
import { pathOf } from "../../client/discovery.ts";
import { deadline } from "../../lib/deadline.ts";
import { duration, wholeNumber } from "../arguments.ts";
import type { Arguments, Command } from "../command.ts";
import { askedForOne } from "../named.ts";
import { templateLines } from "../describe/describe-workload.ts";
import { alignTabs } from "../output/align-tabs.ts";
import { visible, visibleLine } from "../output/visible.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

const REVISION = "deployment.kubernetes.io/revision";
const CHANGE_CAUSE = "kubernetes.io/change-cause";
const WORDS = ["status", "history", "undo", "restart", "pause", "resume"] as const;

export const rollout: Command = {
  name: "rollout",
  summary: "Follow, undo, restart or pause a Deployment's rollout",
  usage: `(${WORDS.join(" | ")}) (deployment/NAME | deployment NAME) [flags]`,
  examples: ["psctl rollout status deploy/web", "psctl rollout undo deploy/web --to-revision=2"],
  words: WORDS,
  flags: [
    { name: "timeout", type: "text", placeholder: "TIME", meaning: "status: how long to wait (default: without end)" },
    {
      name: "to-revision",
      type: "text",
      placeholder: "N",
      meaning: "undo: to which revision; the one before by default",
    },
    { name: "revision", type: "text", placeholder: "N", meaning: "history: show this revision's template" },
  ],
  run: async (session, args) => {
    const word = WORDS.find((known) => known === args.positionals[0]);
    if (!word) throw new UsageError(`expected one of ${WORDS.join(", ")} after rollout`);
    const { resource, name } = await askedForOne(session, args.positionals.slice(1));
    if (resource.kind !== "Deployment")
      throw new UsageError(`rollout ${word} works on Deployments, not on ${resource.plural}`);
    const path = pathOf(resource, { namespace: session.namespace, name });
    const patch = async (body: unknown): Promise<void> => {
      await session.client.json("PATCH", path, {
        body,
        contentType: "application/strategic-merge-patch+json",
        signal: session.signal,
      });
    };
    switch (word) {
      case "status":
        return await status(session, name, duration(args, "timeout"));
      case "history":
        return await history(session, path, { args, name });
      case "undo":
        return await undo(session, path, { args, patch, name });
      case "restart":
        await patch({
          spec: {
            template: {
              metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": timestamp(systemClock.now()) } },
            },
          },
        });
        session.print(`deployment.apps/${name} restarted`);
        return 0;
      case "pause":
      case "resume":
        await patch({ spec: { paused: word === "pause" } });
        session.print(`deployment.apps/${name} ${word}d`);
        return 0;
    }
  },
};

async function status(session: Session, name: string, timeout: number | undefined): Promise<number> {
  using limit = deadline(timeout, session.signal);
  const { signal } = limit;
  const path = `/apis/apps/v1/namespaces/${session.namespace}/deployments`;
  let said = "";
  const done = (deployment: Deployment): boolean => {
    const [finished, text] = rolloutState(deployment);
    if (text !== said) session.print(text);
    said = text;
    return finished;
  };
  try {
    const first = await session.client.json<Deployment>("GET", `${path}/${encodeURIComponent(name)}`, { signal });
    if (done(first)) return 0;
    const query = {
      watch: "true",
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: first.metadata?.resourceVersion,
    };
    for await (const event of session.client.lines<{ type: string; object: Deployment }>(path, { query, signal })) {
      if (event.type === "DELETED") throw new Error("the deployment was deleted");
      if (event.type === "MODIFIED" && done(event.object)) return 0;
    }
    throw new Error("Cannot watch the rollout on: the server ended the watch");
  } catch (error) {
    if (limit.passed) throw new Error("timed out waiting for the condition", { cause: error });
    throw error;
  }
}

/** kubectl's words for how far a rollout is; throws when its deadline has passed. */
function rolloutState(deployment: Deployment): readonly [boolean, string] {
  const name = deployment.metadata?.name ?? "";
  const { replicas = 1 } = deployment.spec ?? {};
  const now = deployment.status ?? {};
  if ((deployment.metadata?.generation ?? 0) > (now.observedGeneration ?? 0))
    return [false, "Waiting for deployment spec update to be observed..."];
  const progressing = now.conditions?.find((condition) => condition.type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded")
    throw new Error(`deployment "${name}" exceeded its progress deadline`);
  const { updatedReplicas = 0, replicas: all = 0, availableReplicas = 0 } = now;
  const wait = `Waiting for deployment "${name}" rollout to finish: `;
  if (updatedReplicas < replicas)
    return [false, `${wait}${updatedReplicas} out of ${replicas} new replicas have been updated...`];
  if (all > updatedReplicas) return [false, `${wait}${all - updatedReplicas} old replicas are pending termination...`];
  if (availableReplicas < updatedReplicas)
    return [false, `${wait}${availableReplicas} of ${updatedReplicas} updated replicas are available...`];
  return [true, `deployment "${name}" successfully rolled out`];
}

interface Revision {
  readonly number: number;
  readonly set: ReplicaSet;
}

async function revisionsOf(session: Session, deploymentPath: string): Promise<readonly Revision[]> {
  const deployment = await session.client.json<Deployment>("GET", deploymentPath, { signal: session.signal });
  const sets = await session.client.json<{ items: ReplicaSet[] }>(
    "GET",
    `/apis/apps/v1/namespaces/${session.namespace}/replicasets`,
    { signal: session.signal },
  );
  return sets.items
    .filter((set) =>
      set.metadata?.ownerReferences?.some(
        (owner) => owner.controller === true && owner.uid === deployment.metadata?.uid,
      ),
    )
    .map((set) => ({ set, number: Number(set.metadata?.annotations?.[REVISION] ?? 0) }))
    .toSorted((a, b) => a.number - b.number);
}

/** In kubectl's layout, which leaves the tabs of a template as they are. */
async function history(
  session: Session,
  path: string,
  { args, name }: { args: Arguments; name: string },
): Promise<number> {
  const revisions = await revisionsOf(session, path);
  const asked = wholeNumber(args, "revision");
  if (asked !== undefined) {
    const found = revisions.find((revision) => revision.number === asked);
    if (!found) throw new Error(`unable to find the specified revision ${asked}`);
    const lines = [`deployment.apps/${name} with revision #${asked}`, ...templateLines(templateOf(found.set))];
    session.streams.out(visible(`${lines.join("\n")}\n\n`));
    return 0;
  }
  const rows = revisions.map(
    ({ number, set }) => `${number}\t${visibleLine(set.metadata?.annotations?.[CHANGE_CAUSE] ?? "<none>")}\n`,
  );
  const table = alignTabs(`REVISION\tCHANGE-CAUSE\n${rows.join("")}`);
  session.streams.out(`deployment.apps/${name} \n${table}\n`);
  return 0;
}

/** A revision's template, with the reason that was noted for it, as kubectl shows it. */
function templateOf({ metadata, spec }: ReplicaSet): PodTemplateSpec | undefined {
  const cause = metadata?.annotations?.[CHANGE_CAUSE];
  const { template } = spec ?? {};
  if (cause === undefined || template === undefined) return template;
  const annotations = { ...template.metadata?.annotations, [CHANGE_CAUSE]: cause };
  return { ...template, metadata: { ...template.metadata, annotations } };
}

async function undo(
  session: Session,
  path: string,
  { args, patch, name }: { args: Arguments; patch: (body: unknown) => Promise<void>; name: string },
): Promise<number> {
  const revisions = await revisionsOf(session, path);
  const asked = wholeNumber(args, "to-revision");
  const found =
    asked === undefined || asked === 0 ? revisions.at(-2) : revisions.find((revision) => revision.number === asked);
  if (!found)
    throw new Error(
      asked
        ? `unable to find specified revision ${asked} in history`
        : `no rollout history found for deployment "${name}"`,
    );
  const { labels = {}, ...metadata } = found.set.spec?.template?.metadata ?? {};
  const { "pod-template-hash": _, ...own } = labels;
  const template = { ...found.set.spec?.template, metadata: { ...metadata, labels: own } };
  await patch({ spec: { template: { $patch: "replace", ...template } } });
  session.print(`deployment.apps/${name} rolled back`);
  return 0;
}
