import type { Exchange } from "../http/exchange.ts";
import { parseAccept } from "../http/accept.ts";
import { type DiscoveredResource, discoveredResources } from "./discovered-resource.ts";

interface Version {
  readonly version: string;
  readonly resources: readonly DiscoveredResource[];
}

interface Group {
  /** "" is core. */
  readonly name: string;
  readonly versions: readonly Version[];
}

/** Answers /api, /apis and what lies one or two steps below, in the plain and in the aggregated form. */
export class Discovery {
  readonly #groups: readonly Group[];

  constructor(resources: readonly DiscoveredResource[] = discoveredResources()) {
    this.#groups = group(resources);
  }

  /** True when the path was one of discovery's, and is answered. */
  async serve(exchange: Exchange): Promise<boolean> {
    const path = exchange.path.replace(/\/$/, "");
    const body = this.#body(path, exchange);
    if (!body) return false;
    await exchange.send(200, JSON.stringify(body.value, undefined, exchange.pretty ? 2 : 0), body.type);
    return true;
  }

  #body(path: string, exchange: Exchange): { value: object; type?: string } | undefined {
    if (path === "/api" || path === "/apis") {
      const aggregated = aggregatedVersion(exchange.header("accept"));
      if (aggregated) return this.#aggregated(path === "/api", aggregated);
      return { value: path === "/api" ? coreVersions(exchange) : this.#groupList() };
    }
    const [, root, first, second, ...rest] = path.split("/");
    if (rest.length > 0 || first === undefined) return undefined;
    if (root === "api" && second === undefined) return wrap(this.#resources("", first));
    if (root !== "apis") return undefined;
    if (second !== undefined) return wrap(this.#resources(first, second));
    const found = this.#groups.find(({ name }) => name === first && name !== "");
    return wrap(found && { kind: "APIGroup", apiVersion: "v1", ...groupInfo(found) });
  }

  #groupList(): object {
    const groups = this.#groups.filter(({ name }) => name !== "").map(groupInfo);
    return { kind: "APIGroupList", apiVersion: "v1", groups };
  }

  #resources(groupName: string, version: string): object | undefined {
    const found = this.#groups
      .find(({ name }) => name === groupName)
      ?.versions.find((each) => each.version === version);
    if (!found) return undefined;
    const groupVersion = groupName === "" ? version : `${groupName}/${version}`;
    return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources: found.resources.flatMap(plain) };
  }

  #aggregated(core: boolean, version: string): { value: object; type: string } {
    const items = this.#groups
      .filter(({ name }) => (name === "") === core)
      .map(({ name, versions }) => ({
        metadata: { name, creationTimestamp: null },
        versions: versions.map((each) => ({
          version: each.version,
          resources: each.resources.map(aggregate),
          freshness: "Current",
        })),
      }));
    return {
      value: { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items },
      type: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    };
  }
}

/** v2 or v2beta1 where the client prefers the aggregated form, which has the same shape in both. */
function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, parameters } of parseAccept(accept)) {
    if (type !== "application/json") continue;
    if (parameters.get("as") === undefined) return undefined;
    const version = parameters.get("v") ?? "";
    const known = parameters.get("g") === "apidiscovery.k8s.io" && ["v2", "v2beta1"].includes(version);
    if (known && parameters.get("as") === "APIGroupDiscoveryList") return version;
  }
  return undefined;
}

function wrap(value: object | undefined): { value: object } | undefined {
  return value && { value };
}

function coreVersions(exchange: Exchange): object {
  const serverAddress = exchange.header("host") ?? "";
  const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress }];
  return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
}

function groupInfo({ name, versions }: Group): object {
  const all = versions.map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: all, preferredVersion: all[0] };
}

function plain(resource: DiscoveredResource): object[] {
  const { name, singular, namespaced, kind, verbs, shortNames, categories, subresources } = resource;
  const own = {
    name,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
  const below = subresources.map((each) => {
    const elsewhere = each.group !== resource.group || each.version !== resource.version;
    return {
      name: `${name}/${each.name}`,
      singularName: "",
      namespaced,
      ...(elsewhere ? { group: each.group, version: each.version } : {}),
      kind: each.kind,
      verbs: each.verbs,
    };
  });
  return [own, ...below];
}

function aggregate(resource: DiscoveredResource): object {
  const { group, version, kind, name, singular, namespaced, verbs, shortNames, categories, subresources } = resource;
  const below = subresources.map((each) => ({
    subresource: each.name,
    responseKind: { group: each.group, version: each.version, kind: each.kind },
    verbs: each.verbs,
  }));
  return {
    resource: name,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(below.length > 0 ? { subresources: below } : {}),
  };
}

function group(resources: readonly DiscoveredResource[]): readonly Group[] {
  const names = [...new Set(resources.map((resource) => resource.group))];
  return names.map((name) => {
    const own = resources.filter((resource) => resource.group === name);
    const versions = [...new Set(own.map(({ version }) => version))];
    return {
      name,
      versions: versions.map((version) => ({ version, resources: own.filter((each) => each.version === version) })),
    };
  });
}
