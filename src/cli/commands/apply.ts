import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isReason } from "../../api/api-error.ts";
import { servedKind } from "../../api/catalog.ts";
import type { KubeObject } from "../../api/kinds.ts";
import { readManifest } from "../../api/manifest.ts";
import { threeWayPatch } from "../../api/patch/three-way.ts";
import { apiVersionOf, pathOf, type Resource } from "../../client/discovery.ts";
import type { Command, CommandFlag } from "../command.ts";
import { goJson } from "../output/go-json.ts";
import { qualifiedName } from "../output/print-objects.ts";
import { readPath } from "../read-path.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../usage-error.ts";

export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

export const MANIFEST_FLAGS: readonly CommandFlag[] = [
  {
    name: "filename",
    short: "f",
    type: "list",
    placeholder: "FILE",
    meaning: "a manifest, a folder of manifests, or - for standard input",
  },
  { name: "recursive", short: "R", type: "switch", meaning: "folders with everything below them" },
  { name: "dry-run", type: "text", placeholder: "server", meaning: "server: check and answer, but change nothing" },
];

export const apply: Command = {
  name: "apply",
  summary: "Create or change objects as a manifest says",
  usage: "-f FILE [flags]",
  examples: ["psctl apply -f web.yaml", "cat web.yaml | psctl apply -f -"],
  flags: MANIFEST_FLAGS,
  run: async (session, args) => {
    const objects = await readManifests(session, args.list("filename"), args.has("recursive"));
    const dryRun = dryRunOf(args.text("dry-run"));
    let failures = 0;
    for (const object of objects) {
      try {
        session.print(
          `${qualifiedName(object)} ${await applyOne(session, object, dryRun)}${dryRun ? " (server dry run)" : ""}`,
        );
      } catch (error) {
        if (!(error instanceof Error) || session.signal.aborted || error.name === "ConnectionError") throw error;
        failures++;
        session.streams.err(`Error: ${qualifiedName(object)}: ${error.message}\n`);
      }
    }
    return failures > 0 ? 1 : 0;
  },
};

export function dryRunOf(text: string | undefined): "All" | undefined {
  if (text === undefined || text === "none") return undefined;
  if (text === "server") return "All";
  throw new UsageError(`--dry-run ${JSON.stringify(text)}: expected server or none`);
}

/** The objects of all files, in their order; lists are taken apart. */
export async function readManifests(
  session: Session,
  files: readonly string[],
  recursive: boolean,
): Promise<KubeObject[]> {
  if (files.length === 0) throw new UsageError("Name a manifest with -f FILE");
  const objects: KubeObject[] = [];
  for (const file of files.flatMap((name) =>
    name === "-" ? [name] : readPath(name, () => manifestFiles(name, recursive)),
  )) {
    const text = file === "-" ? await session.streams.input() : readPath(file, () => readFileSync(file, "utf8"));
    objects.push(...parseManifest(text, file === "-" ? "standard input" : file));
  }
  if (objects.length === 0) throw new UsageError(`No objects in ${files.join(", ")}`);
  return objects;
}

function manifestFiles(path: string, recursive: boolean): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const inside = join(path, entry.name);
      if (entry.isDirectory()) return recursive ? manifestFiles(inside, true) : [];
      return /\.(ya?ml|json)$/.test(entry.name) ? [inside] : [];
    });
}

function parseManifest(text: string, origin: string): KubeObject[] {
  return readManifest(text, origin).map(({ object, line, duplicates: [duplicate] }) => {
    // It would be sent as JSON, in which the second of two keys has silently won.
    if (duplicate !== undefined)
      throw new UsageError(`Cannot use ${origin}, object at line ${line}: ${duplicate} stands twice`);
    return object;
  });
}

export async function resourceOf(session: Session, object: KubeObject): Promise<Resource> {
  const found = (await session.resources()).find(
    (resource) => resource.kind === object.kind && apiVersionOf(resource) === object.apiVersion,
  );
  if (found) return found;
  const [group = "", version = ""] = object.apiVersion.includes("/")
    ? object.apiVersion.split("/")
    : ["", object.apiVersion];
  const other = (await session.resources()).find(
    (resource) => resource.kind === object.kind && resource.group === group,
  );
  if (other) return { ...other, version };
  throw new Error(`the server does not know the kind ${object.kind} of ${object.apiVersion}`);
}

/** kubectl's client-side apply: three-way merge from the last applied manifest, kept in an annotation. */
async function applyOne(session: Session, object: KubeObject, dryRun: "All" | undefined): Promise<string> {
  const resource = await resourceOf(session, object);
  const namespace = resource.namespaced ? (object.metadata?.namespace ?? session.namespace) : undefined;
  const name = object.metadata?.name;
  if (!name) throw new Error("metadata.name: Required value: apply needs a name");
  const wanted = withLastApplied(object, namespace);
  const path = pathOf(resource, { namespace, name });
  const query = { dryRun, fieldValidation: "Strict", fieldManager: "psctl" };
  let live: KubeObject;
  try {
    live = await session.client.json<KubeObject>("GET", path, { signal: session.signal });
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
    await session.client.json("POST", pathOf(resource, { namespace }), { body: wanted, query, signal: session.signal });
    return "created";
  }
  const last = live.metadata.annotations?.[LAST_APPLIED];
  const patch = threeWayPatch(schemaOf(object), { last: last === undefined ? {} : parsedManifest(last), wanted, live });
  if (Object.keys(patch).length === 0) return "unchanged";
  const answer = await session.client.json<KubeObject>("PATCH", path, {
    body: patch,
    contentType: "application/strategic-merge-patch+json",
    query,
    signal: session.signal,
  });
  return answer.metadata.resourceVersion === live.metadata.resourceVersion ? "unchanged" : "configured";
}

function schemaOf(object: KubeObject): string {
  const served = servedKind(object.apiVersion, object.kind);
  if (!served)
    throw new Error(
      `psctl does not know ${object.kind} of ${object.apiVersion}; its version differs from the server's`,
    );
  return served.version.schema;
}

/** An annotation that somebody broke counts as no manifest: then nothing is removed. */
function parsedManifest(text: string): Record<string, unknown> {
  try {
    const manifest: unknown = JSON.parse(text);
    return typeof manifest === "object" && manifest !== null ? (manifest as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function withLastApplied(object: KubeObject, namespace: string | undefined): KubeObject {
  const { [LAST_APPLIED]: _, ...annotations } = object.metadata.annotations ?? {};
  const metadata = { ...object.metadata, ...(namespace === undefined ? {} : { namespace }), annotations };
  const plain = { ...object, metadata };
  return {
    ...plain,
    metadata: { ...metadata, annotations: { ...annotations, [LAST_APPLIED]: `${goJson(plain)}\n` } },
  };
}
