import type { IngressRule, IngressSnapshot } from "./snapshot.ts";

export interface Route {
  /** The backend's key in the snapshot. */
  readonly backend: string;
  readonly redirect: boolean;
}

interface PathTable {
  readonly exact: Map<string, Route>;
  readonly prefix: Map<string, Route>;
  /** Characters of the longest prefix: what a client's path has beyond need not be looked at. */
  longest: number;
}

/** Rules compiled for matching: a lookup costs a Map access per path segment, however many rules there are. */
export class RouteTable {
  readonly #hosts = new Map<string, PathTable>();
  readonly #fallback: Route | undefined;

  constructor({ rules, defaultBackend }: Pick<IngressSnapshot, "rules" | "defaultBackend">) {
    for (const rule of rules) this.#add(rule);
    this.#fallback = defaultBackend === undefined ? undefined : { backend: defaultBackend, redirect: false };
  }

  /**
   * `host` in lower case without a port, `path` decoded and without a query. An exact host goes before a wildcard, that
   * before rules without a host; a host whose paths do not match leaves the request to the next of them, as a rule
   * without a host speaks for all hosts. Within one, the longest path wins, Exact before Prefix.
   */
  match(host: string, path: string): Route | undefined {
    const dot = host.indexOf(".");
    return (
      matchPath(this.#hosts.get(host), path) ??
      (dot < 0 ? undefined : matchPath(this.#hosts.get(`*${host.slice(dot)}`), path)) ??
      (host === "" ? undefined : matchPath(this.#hosts.get(""), path)) ??
      this.#fallback
    );
  }

  #add({ host, type, path, backend, redirect }: IngressRule): void {
    let table = this.#hosts.get(host);
    if (table === undefined) this.#hosts.set(host, (table = { exact: new Map(), prefix: new Map(), longest: 0 }));
    table[type === "Exact" ? "exact" : "prefix"].set(path, { backend, redirect });
    if (type !== "Exact") table.longest = Math.max(table.longest, path.length);
  }
}

function matchPath(table: PathTable | undefined, path: string): Route | undefined {
  if (table === undefined) return undefined;
  const exact = table.exact.get(path);
  if (exact !== undefined) return exact;
  const start = path.length > table.longest ? path.lastIndexOf("/", table.longest) : path.length;
  for (let end = start; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const route = table.prefix.get(path.slice(0, end));
    if (route !== undefined) return route;
  }
  return table.prefix.get("/");
}

/**
 * The path that rules are matched against: decoded, with dot segments resolved, so that no spelling of a path reaches a
 * backend past the rule for it. What is forwarded stays as the client wrote it.
 */
export function matchablePath(target: string): string {
  const query = target.indexOf("?");
  let path = query < 0 ? target : target.slice(0, query);
  if (path.includes("%")) {
    // Not decodeURIComponent: old links hold bytes that are no UTF-8, and those are no reason to refuse.
    path = path.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString("utf8"));
  }
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === "..") kept.pop();
    if (segment !== "." && segment !== "..") kept.push(segment);
    else if (index === segments.length - 1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
