import { createHash } from "node:crypto";
import { declarations, servedBy } from "../catalog.ts";
import type { Served } from "../catalog.ts";
import { definitionOf } from "../schema.ts";
import { REQUEST_KINDS } from "./definition-names.ts";
import { openapiDefinitions } from "./definitions.ts";
import type { Descriptions, Json } from "./definitions.ts";
import { groupVersionRoot, kindPaths } from "./paths.ts";

export interface OpenApiInfo {
  readonly title?: string;
  /** The server's version. */
  readonly version: string;
}

/** Descriptions are large and only these documents need them, so they are read when the first is asked for. */
async function readDescriptions(): Promise<Descriptions> {
  const { default: descriptions } = await import("../generated/descriptions.json", { with: { type: "json" } });
  return descriptions as unknown as Descriptions;
}

function infoOf({ title = "Kubernetes", version }: OpenApiInfo): Json {
  return { title, version };
}

/** `/openapi/v2`: everything in one swagger document, as JSON. */
export async function openapiV2(info: OpenApiInfo): Promise<Json> {
  const served = declarations.flatMap((declaration) =>
    declaration.versions.map((version) => ({ declaration, version })),
  );
  const paths: Record<string, Json> = {};
  for (const kind of served) Object.assign(paths, kindPaths({ served: kind, version: 2 }));
  const roots = [...schemasOf(served), ...Object.keys(REQUEST_KINDS)];
  const definitions = openapiDefinitions(roots, { version: 2, descriptions: await readDescriptions() });
  return { swagger: "2.0", info: infoOf(info), paths, definitions };
}

/** The paths under `/openapi/v3` that have documents: `api/v1`, `apis/apps/v1`. */
export function openapiV3Paths(): string[] {
  const roots = declarations.flatMap(({ versions }) =>
    versions.map(({ group, version }) => groupVersionRoot(group, version)),
  );
  return [...new Set(roots)].map((root) => root.slice(1));
}

/** `/openapi/v3`: where the documents are. The hash changes when the server's version or a schema does. */
export function openapiV3Index(info: OpenApiInfo): Json {
  const hash = createHash("sha256")
    .update(JSON.stringify([info, schemaFingerprint()]))
    .digest("hex")
    .toUpperCase();
  const paths = openapiV3Paths().map(
    (path) => [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` }] as const,
  );
  return { paths: Object.fromEntries(paths) };
}

/** One group and version, by its path in the index; undefined where there is none. */
export async function openapiV3(path: string, info: OpenApiInfo): Promise<Json | undefined> {
  const apiVersion = /^apis?\/(.+)$/.exec(path)?.[1];
  if (apiVersion === undefined || !openapiV3Paths().includes(path)) return undefined;
  const served = servedBy(apiVersion);
  const paths: Record<string, Json> = {};
  for (const kind of served) Object.assign(paths, kindPaths({ served: kind, version: 3 }));
  const scaled = served.some(({ declaration }) => declaration.scale !== undefined);
  const roots = [...schemasOf(served), ...(scaled ? ["autoscaling.v1.Scale"] : []), ...requestSchemas(apiVersion)];
  const schemas = openapiDefinitions(roots, { version: 3, descriptions: await readDescriptions() });
  return { openapi: "3.0.0", info: infoOf(info), paths, components: { schemas } };
}

function schemasOf(served: readonly Served[]): string[] {
  return served.flatMap(({ version }) => [version.schema, `${version.schema}List`]);
}

function requestSchemas(apiVersion: string): string[] {
  return Object.keys(REQUEST_KINDS).filter((schema) => {
    const { group, version } = REQUEST_KINDS[schema] ?? { group: "", version: "" };
    return apiVersion === (group === "" ? version : `${group}/${version}`);
  });
}

function schemaFingerprint(): unknown[] {
  return declarations.flatMap(({ versions }) =>
    versions.map(({ schema }) => [schema, [...definitionOf(schema).fields]]),
  );
}
