import type { ApiClient } from "./api-client.ts";

/** A kind that the server serves, as discovery tells it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

interface AggregatedDiscovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources?: readonly {
        readonly resource: string;
        readonly singularResource?: string;
        readonly responseKind?: { readonly kind: string };
        readonly scope: "Namespaced" | "Cluster";
        readonly shortNames?: readonly string[];
        readonly categories?: readonly string[];
        readonly verbs: readonly string[];
      }[];
    }[];
  }[];
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/** Every kind in the server's preferred version, in two requests. */
export async function discover(client: ApiClient, signal?: AbortSignal): Promise<readonly Resource[]> {
  const answers = await Promise.all(
    ["/api", "/apis"].map((path) => client.json<AggregatedDiscovery>("GET", path, { accept: AGGREGATED, signal })),
  );
  return answers.flatMap((answer) =>
    answer.items.flatMap((group) => {
      const preferred = group.versions[0];
      return (preferred?.resources ?? []).map((entry) => ({
        group: group.metadata.name ?? "",
        version: preferred?.version ?? "",
        kind: entry.responseKind?.kind ?? "",
        plural: entry.resource,
        singular: entry.singularResource ?? "",
        shortNames: entry.shortNames ?? [],
        categories: entry.categories ?? [],
        namespaced: entry.scope === "Namespaced",
        verbs: entry.verbs,
      }));
    }),
  );
}

/**
 * Finds the kinds that a word means: plural, singular, short name or kind, each also with its group
 * (`deployments.apps`), or a category such as `all`.
 */
export function findResources(resources: readonly Resource[], word: string): readonly Resource[] {
  const wanted = word.toLowerCase();
  const dot = wanted.indexOf(".");
  const [name, group] = dot < 0 ? [wanted, undefined] : [wanted.slice(0, dot), wanted.slice(dot + 1)];
  const named = resources.find(
    (resource) =>
      (group === undefined || resource.group === group || `${resource.version}.${resource.group}` === group) &&
      [resource.plural, resource.singular, resource.kind.toLowerCase(), ...resource.shortNames].includes(name),
  );
  if (named) return [named];
  return group === undefined ? resources.filter((resource) => resource.categories.includes(wanted)) : [];
}

export function apiVersionOf(resource: Pick<Resource, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The path of a kind's objects or, with a name, of one. Without a namespace: across all. */
export function pathOf(
  resource: Resource,
  where: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    readonly subresource?: string;
  } = {},
): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && where.namespace !== undefined ? `/namespaces/${encodeURIComponent(where.namespace)}` : "";
  const name = where.name === undefined ? "" : `/${encodeURIComponent(where.name)}`;
  return `${root}${scope}/${resource.plural}${name}${where.subresource ? `/${where.subresource}` : ""}`;
}
