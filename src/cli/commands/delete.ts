import type { KubeObject } from "../../api/kinds.ts";
import { isReason } from "../../api/api-error.ts";
import { apiVersionOf, pathOf, type Resource } from "../../client/discovery.ts";
import { deadline } from "../../lib/deadline.ts";
import { duration, wholeNumber } from "../arguments.ts";
import type { Arguments, Command } from "../command.ts";
import { askedFor } from "../named.ts";
import { qualifiedName } from "../output/print-objects.ts";
import type { Session } from "../session.ts";
import { dryRunOf, MANIFEST_FLAGS, readManifests, resourceOf } from "./apply.ts";
import { UsageError } from "../usage-error.ts";

const PROPAGATION: Readonly<Record<string, string>> = {
  background: "Background",
  foreground: "Foreground",
  orphan: "Orphan",
};

interface Doomed {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string;
}

export const deleteCommand: Command = {
  name: "delete",
  summary: "Delete objects",
  usage: "(-f FILE | KIND NAME... | KIND/NAME... | KIND (-l LABELS | --all)) [flags]",
  examples: ["psctl delete -f web.yaml", "psctl delete pod web-1 --grace-period=0", "psctl delete deploy -l app=web"],
  flags: [
    ...MANIFEST_FLAGS,
    { name: "selector", short: "l", type: "text", placeholder: "LABELS", meaning: "objects with these labels" },
    { name: "all", type: "switch", meaning: "all objects of the kind in the namespace" },
    { name: "cascade", type: "text", placeholder: "MODE", meaning: "background (default), foreground or orphan" },
    { name: "grace-period", type: "text", placeholder: "SECONDS", meaning: "time for a pod to stop by itself" },
    { name: "now", type: "switch", meaning: "the same as --grace-period=1" },
    { name: "ignore-not-found", type: "switch", meaning: "an object that does not exist is no failure" },
    { name: "wait", type: "switch", meaning: "return once the objects are gone (the default)" },
    { name: "no-wait", type: "switch", meaning: "return at once" },
    { name: "timeout", type: "text", placeholder: "TIME", meaning: "how long to wait (default: without end)" },
  ],
  run: async (session, args) => {
    const cascade = args.text("cascade") ?? "background";
    const propagationPolicy = PROPAGATION[cascade];
    if (!propagationPolicy)
      throw new UsageError(`--cascade ${JSON.stringify(cascade)}: expected background, foreground or orphan`);
    const grace = args.has("now") ? 1 : wholeNumber(args, "grace-period");
    const dryRun = dryRunOf(args.text("dry-run"));
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      propagationPolicy,
      ...(grace === undefined || grace < 0 ? {} : { gracePeriodSeconds: grace }),
    };
    const gone: { doomed: Doomed; uid: string }[] = [];
    let failures = 0;
    for (const doomed of await doomedObjects(session, args)) {
      try {
        const answer = await session.client.json<KubeObject & { details?: { uid?: string } }>(
          "DELETE",
          pathOf(doomed.resource, doomed),
          { body, query: { dryRun }, signal: session.signal },
        );
        session.print(`${nameOf(doomed)} ${dryRun ? "deleted (server dry run)" : "deleted"}`);
        const uid = answer.details?.uid ?? answer.metadata.uid;
        if (!dryRun && uid !== undefined) gone.push({ doomed, uid });
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
        if (args.has("ignore-not-found")) continue;
        failures++;
        session.streams.err(`Error from server (NotFound): ${error.message}\n`);
      }
    }
    if (!args.has("no-wait")) await untilGone(session, gone, duration(args, "timeout"));
    return failures > 0 ? 1 : 0;
  },
};

function nameOf({ resource, name }: Doomed): string {
  const prefix = qualifiedName({ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name: "" } });
  return `${prefix.slice(0, -1)} "${name}"`;
}

async function doomedObjects(session: Session, args: Arguments): Promise<readonly Doomed[]> {
  const files = args.list("filename");
  if (files.length > 0) {
    const objects = await readManifests(session, files, args.has("recursive"));
    return await Promise.all(
      objects.map(async (object) => {
        const resource = await resourceOf(session, object);
        const namespace = resource.namespaced ? (object.metadata.namespace ?? session.namespace) : undefined;
        return { resource, namespace, name: object.metadata.name ?? "" };
      }),
    );
  }
  const asked = await askedFor(session, args.positionals);
  const many = args.has("all") || args.has("selector");
  const doomed = await Promise.all(
    asked.map(async ({ resource, name }): Promise<Doomed[]> => {
      const namespace = resource.namespaced ? session.namespace : undefined;
      if (name !== undefined) return [{ resource, namespace, name }];
      if (!many) throw new UsageError(`Name what to delete: psctl delete ${resource.plural} NAME, -l LABELS or --all`);
      const list = await session.client.json<{ items: KubeObject[] }>("GET", pathOf(resource, { namespace }), {
        query: { labelSelector: args.text("selector") },
        signal: session.signal,
      });
      return list.items.map((item) => ({ resource, namespace, name: item.metadata.name ?? "" }));
    }),
  );
  return doomed.flat();
}

/** Waits for each uid to be gone: a new object of the same name is not the old one. */
async function untilGone(
  session: Session,
  gone: readonly { doomed: Doomed; uid: string }[],
  timeout: number | undefined,
): Promise<void> {
  using limit = deadline(timeout === 0 ? undefined : timeout, session.signal);
  const { signal } = limit;
  for (const { doomed, uid } of gone) {
    const path = pathOf(doomed.resource, { namespace: doomed.namespace });
    const query = { fieldSelector: `metadata.name=${doomed.name}` };
    try {
      const list = await session.client.json<{ items: KubeObject[]; metadata: { resourceVersion: string } }>(
        "GET",
        path,
        { query, signal },
      );
      if (!list.items.some((item) => item.metadata.uid === uid)) continue;
      const watchQuery = { ...query, watch: "true", resourceVersion: list.metadata.resourceVersion };
      for await (const event of session.client.lines<{ type: string; object: KubeObject }>(path, {
        query: watchQuery,
        signal,
      })) {
        if (event.type === "DELETED" && event.object.metadata.uid === uid) break;
      }
    } catch (error) {
      if (limit.passed)
        throw new Error(`Cannot wait for ${nameOf(doomed)} any longer: timed out; it is still terminating`, {
          cause: error,
        });
      throw error;
    }
  }
}
