import type { Served } from "../catalog.ts";
import { PATCH_TYPES } from "../patch/apply-patch.ts";
import { definitionName } from "./definition-names.ts";
import { reference } from "./definitions.ts";
import type { GroupVersionKind, Json, OpenApiVersion } from "./definitions.ts";

const BODY_TYPES = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

const WRITE_PARAMETERS: readonly (readonly [name: string, description: string])[] = [
  ["dryRun", "`All`: everything is checked and nothing is stored."],
  ["fieldManager", "Who makes the change, up to 128 characters."],
  ["fieldValidation", "What becomes of unknown and duplicate fields: Ignore, Warn or Strict."],
];

const LIST_PARAMETERS: readonly (readonly [name: string, description: string])[] = [
  ["labelSelector", "Only objects whose labels match."],
  ["fieldSelector", "Only objects whose fields match."],
  ["limit", "At most so many objects; `continue` in the answer leads on."],
  ["continue", "Where the answer before ended."],
  ["resourceVersion", "The version from which to read or watch."],
  ["resourceVersionMatch", "How resourceVersion is meant."],
  ["watch", "Changes as they come instead of a list."],
  ["allowWatchBookmarks", "Bookmarks among the changes."],
  ["sendInitialEvents", "The present objects first, then a bookmark."],
  ["timeoutSeconds", "When the watch ends."],
];

interface Target {
  readonly served: Served;
  readonly version: OpenApiVersion;
}

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function groupVersionRoot(group: string, version: string): string {
  return group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The paths of one served kind with their operations, each naming the kind that it takes. */
export function kindPaths({ served, version }: Target): Record<string, Json> {
  const { declaration } = served;
  const root = groupVersionRoot(served.version.group, served.version.version);
  const base = `${root}${declaration.namespaced ? "/namespaces/{namespace}" : ""}/${declaration.plural}`;
  const schema = definitionName(served.version.schema);
  const own = { served, version, schema, gvk: kindOf(served) };
  const paths: Record<string, Json> = {
    [base]: {
      get: operation("list", { ...own, schema: `${schema}List`, query: LIST_PARAMETERS }),
      post: operation("post", { ...own, query: WRITE_PARAMETERS, body: BODY_TYPES }),
      delete: operation("deletecollection", { ...own, query: LIST_PARAMETERS }),
      parameters: pathParameters(base, version),
    },
    [`${base}/{name}`]: objectPath(`${base}/{name}`, own),
  };
  if (declaration.namespaced) {
    const all = `${root}/${declaration.plural}`;
    paths[all] = { get: operation("list", { ...own, schema: `${schema}List`, query: LIST_PARAMETERS }) };
  }
  if (declaration.status) paths[`${base}/{name}/status`] = objectPath(`${base}/{name}/status`, own, false);
  if (declaration.scale !== undefined) {
    const gvk = { group: "autoscaling", version: "v1", kind: "Scale" };
    const scale = { ...own, schema: definitionName("autoscaling.v1.Scale"), gvk };
    paths[`${base}/{name}/scale`] = objectPath(`${base}/{name}/scale`, scale, false);
  }
  return paths;
}

function kindOf({ declaration, version }: Served): GroupVersionKind {
  return { group: version.group, version: version.version, kind: declaration.kind };
}

interface Operation {
  readonly served: Served;
  readonly version: OpenApiVersion;
  /** The definition that is given back, and taken where there is a body. */
  readonly schema: string;
  readonly gvk: GroupVersionKind;
  readonly query?: readonly (readonly [name: string, description: string])[];
  /** Content types of the body. */
  readonly body?: readonly string[];
}

function objectPath(path: string, own: Omit<Operation, "query" | "body">, deletable = true): Json {
  return {
    get: operation("get", { ...own, query: [] }),
    put: operation("put", { ...own, query: WRITE_PARAMETERS, body: BODY_TYPES }),
    patch: operation("patch", {
      ...own,
      query: [...WRITE_PARAMETERS, ["force", "Take over fields that others manage."]],
      body: PATCH_TYPES,
    }),
    ...(deletable
      ? { delete: operation("delete", { ...own, query: [["dryRun", "`All`: nothing is deleted."]] }) }
      : {}),
    parameters: pathParameters(path, own.version),
  };
}

function operation(action: string, { version, schema, gvk, query = [], body }: Operation): Json {
  const parameters: Json[] = query.map(([name, description]) => parameter({ name, description, in: "query" }, version));
  const answer = reference(schema, version);
  if (version === 2) {
    if (body !== undefined) {
      parameters.push({
        name: "body",
        in: "body",
        required: true,
        schema: action === "patch" ? { type: "object" } : answer,
      });
    }
    return {
      ...(body === undefined ? {} : { consumes: [...body] }),
      produces: ["application/json"],
      parameters,
      responses: { "200": { description: "OK", schema: answer } },
      "x-kubernetes-action": action,
      "x-kubernetes-group-version-kind": gvk,
    };
  }
  const content = (types: readonly string[], of: Json): Json =>
    Object.fromEntries(types.map((type) => [type, { schema: of }]));
  return {
    parameters,
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: content(body, action === "patch" ? { type: "object" } : answer) } }),
    responses: { "200": { description: "OK", content: content(["application/json"], answer) } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk,
  };
}

function pathParameters(path: string, version: OpenApiVersion): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) =>
    parameter({ name, description: `the ${name} of the object`, in: "path", required: true }, version),
  );
}

function parameter(fields: Json, version: OpenApiVersion): Json {
  const schema = { type: "string", uniqueItems: true };
  return version === 2 ? { ...fields, ...schema } : { ...fields, schema };
}
