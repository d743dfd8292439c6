import type { EndpointSlice, Ingress, IngressClass, Secret, Service } from "../api/kinds.ts";
import { groupSlices, serviceKey, servingEndpoints, type ServingOptions } from "../api/serving-endpoints.ts";
import { projectCertificate } from "./project-certificate.ts";
import type { IngressBackend, IngressCertificate, IngressRule, IngressSnapshot, KeyPairPem } from "./snapshot.ts";

/** The controller name of our IngressClass. */
export const INGRESS_CONTROLLER = "podman-swarm.io/ingress";

export interface IngressObjects {
  readonly ingresses: Iterable<Ingress>;
  readonly ingressClasses: Iterable<IngressClass>;
  readonly services: Iterable<Service>;
  readonly endpointSlices: Iterable<EndpointSlice>;
  readonly secrets: Iterable<Secret>;
}

export interface IngressConfig extends ServingOptions {
  /** This node's name: its endpoints are preferred. */
  readonly nodeName: string;
  /** For HTTPS to names that no Secret covers; usually self-signed. */
  readonly defaultCertificate?: KeyPairPem;
}

/** Something that keeps a part of an Ingress from working; becomes an Event on it. */
export interface IngressProblem {
  readonly ingress: { readonly namespace: string; readonly name: string; readonly uid: string | undefined };
  readonly message: string;
}

export interface IngressProjection {
  readonly snapshot: IngressSnapshot;
  readonly problems: readonly IngressProblem[];
  /** The Ingresses that are ours to serve, for their status. */
  readonly served: readonly Ingress[];
}

type BackendSpec = NonNullable<NonNullable<Ingress["spec"]>["defaultBackend"]>;

/** The ingress view of the cluster. Pure. Of two Ingresses that claim one path, the older keeps it. */
export function projectIngress(objects: IngressObjects, config: IngressConfig): IngressProjection {
  const projector = new Projector(objects, config);
  const classes = [...objects.ingressClasses];
  const served: Ingress[] = [];
  for (const ingress of [...objects.ingresses].toSorted(byAge)) {
    const ours = isOurs(ingress, classes);
    if (ours === true) {
      served.push(ingress);
      projector.add(ingress);
    } else if (typeof ours === "string") projector.report(ingress, ours);
  }
  return { snapshot: projector.snapshot(), problems: projector.problems, served };
}

/** What the Ingress' `status` should be once this cluster serves it. */
export function ingressStatus(addresses: readonly string[]): NonNullable<Ingress["status"]> {
  return { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } };
}

/** Whether we serve it, or why nobody does. */
function isOurs(ingress: Ingress, classes: readonly IngressClass[]): boolean | string {
  const name = ingress.spec?.ingressClassName ?? ingress.metadata?.annotations?.["kubernetes.io/ingress.class"];
  if (name === undefined) {
    const defaults = classes.filter(
      ({ metadata }) => metadata?.annotations?.["ingressclass.kubernetes.io/is-default-class"] === "true",
    );
    return defaults.length === 0 || defaults.some(({ spec }) => spec?.controller === INGRESS_CONTROLLER);
  }
  const found = classes.find(({ metadata }) => metadata?.name === name);
  if (found !== undefined) return found.spec?.controller === INGRESS_CONTROLLER;
  return `It is not served: there is no IngressClass "${name}"; leave ingressClassName out, or name one whose controller is ${INGRESS_CONTROLLER}`;
}

function byAge(a: Ingress, b: Ingress): number {
  const age = (one: Ingress): string =>
    `${one.metadata?.creationTimestamp ?? "9"} ${serviceKey(one.metadata?.namespace, one.metadata?.name)}`;
  return age(a) < age(b) ? -1 : 1;
}

class Projector {
  readonly problems: IngressProblem[] = [];
  readonly #config: IngressConfig;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #secrets: ReadonlyMap<string, Secret>;
  readonly #slices: ReadonlyMap<string, EndpointSlice[]>;
  readonly #rules = new Map<string, { rule: IngressRule; owner: Ingress; fallback: boolean }>();
  readonly #backends: Record<string, IngressBackend> = {};
  readonly #certificates = new Map<string, IngressCertificate>();
  #defaultBackend: string | undefined;

  constructor(objects: IngressObjects, config: IngressConfig) {
    this.#config = config;
    this.#services = byKey(objects.services);
    this.#secrets = byKey(objects.secrets);
    this.#slices = groupSlices(objects.endpointSlices);
  }

  snapshot(): IngressSnapshot {
    return {
      rules: [...this.#rules.values()].map(({ rule }) => rule),
      backends: this.#backends,
      ...(this.#defaultBackend === undefined ? {} : { defaultBackend: this.#defaultBackend }),
      certificates: [...this.#certificates.values()],
      ...(this.#config.defaultCertificate && { defaultCertificate: this.#config.defaultCertificate }),
    };
  }

  report({ metadata }: Ingress, message: string): void {
    const ingress = { namespace: metadata?.namespace ?? "default", name: metadata?.name ?? "", uid: metadata?.uid };
    this.problems.push({ ingress, message });
  }

  add(ingress: Ingress): void {
    const spec = ingress.spec ?? {};
    const fallback = spec.defaultBackend && this.#backend(ingress, spec.defaultBackend);
    const redirects = redirectTest(ingress);
    for (const { host = "", http } of spec.rules ?? []) {
      const common = { host: host.toLowerCase(), redirect: redirects(host.toLowerCase()) };
      for (const { path = "/", pathType, backend } of http?.paths ?? []) {
        const key = this.#backend(ingress, backend);
        const type = pathType === "Exact" ? "Exact" : "Prefix";
        if (key !== undefined) this.#rule(ingress, { ...common, type, path: ruleKey(type, path), backend: key }, false);
      }
      if (fallback !== undefined) {
        this.#rule(ingress, { ...common, type: "Prefix", path: "/", backend: fallback }, true);
      }
    }
    if (fallback !== undefined && !spec.rules?.length) {
      if (this.#defaultBackend === undefined) this.#defaultBackend = fallback;
      else if (this.#defaultBackend !== fallback) {
        this.report(ingress, "Its default backend is not used: an older Ingress has one already");
      }
    }
    for (const tls of spec.tls ?? []) this.#certificate(ingress, tls);
  }

  #rule(owner: Ingress, rule: IngressRule, fallback: boolean): void {
    const key = `${rule.host} ${rule.type} ${rule.path}`;
    const known = this.#rules.get(key);
    // A default backend gives way to any explicit rule for the same path, whoever's it is.
    if (known === undefined || (known.fallback && !fallback)) this.#rules.set(key, { rule, owner, fallback });
    else if (!fallback && known.rule.backend !== rule.backend) {
      const older = `${known.owner.metadata?.namespace ?? "default"}/${known.owner.metadata?.name ?? ""}`;
      this.report(
        owner,
        `Path ${rule.path} of host "${rule.host || "*"}" is not served: Ingress ${older} has it already`,
      );
    }
  }

  /** The backend's key in the snapshot; undefined, with a problem, when it cannot be one. */
  #backend(ingress: Ingress, backend: BackendSpec): string | undefined {
    if (backend.service === undefined) {
      this.report(ingress, "A resource backend is not supported: name a service");
      return undefined;
    }
    const { name, port } = backend.service;
    const key = serviceKey(ingress.metadata?.namespace, name);
    const wanted = String(port?.name ?? port?.number ?? "");
    const id = `${key}:${wanted}`;
    if (Object.hasOwn(this.#backends, id)) return id;
    this.#backends[id] = { endpoints: [] };
    const service = this.#services.get(key);
    if (service === undefined) {
      this.report(ingress, `Service "${name}" does not exist: its paths answer 503`);
      return id;
    }
    if (service.spec?.type === "ExternalName") {
      // It would let whoever may write a Service reach any address that the node can.
      this.report(ingress, `Service "${name}" is of type ExternalName, which is no backend: its paths answer 503`);
      return id;
    }
    const found = service.spec?.ports?.find((one) => (port?.name ? one.name === port.name : one.port === port?.number));
    if (found === undefined) {
      this.report(ingress, `Service "${name}" has no port ${wanted}: its paths answer 503`);
      return id;
    }
    if (found.protocol !== undefined && found.protocol !== "TCP") {
      this.report(ingress, `Port ${wanted} of service "${name}" is not TCP: its paths answer 503`);
      return id;
    }
    const endpoints = servingEndpoints(service, this.#slices.get(key) ?? [], this.#config).flatMap(
      ({ address, nodeName, ports }) =>
        ports
          .filter((one) => one.name === (found.name ?? "") && one.protocol === "TCP")
          .map((one) => ({ address, port: one.port, local: nodeName === this.#config.nodeName })),
    );
    this.#backends[id] = { endpoints };
    return id;
  }

  #certificate(ingress: Ingress, tls: { hosts?: string[]; secretName?: string }): void {
    // Without a secret the default certificate is shown, as upstream's controllers do.
    if (!tls.secretName) return;
    const key = serviceKey(ingress.metadata?.namespace, tls.secretName);
    const made = projectCertificate(this.#secrets.get(key), tls.hosts ?? []);
    if ("problem" in made) {
      this.report(ingress, `Secret "${tls.secretName}" gives no certificate: ${made.problem}`);
      return;
    }
    const hosts = made.hosts.filter((host) => {
      const taken = this.#certificates.get(host);
      if (taken !== undefined && taken.certificate !== made.certificate) {
        this.report(ingress, `Host "${host}" keeps the certificate that an older Ingress gives it`);
      }
      return taken === undefined;
    });
    for (const host of hosts) this.#certificates.set(host, { ...made, hosts: [host] });
  }
}

function byKey<T extends { metadata?: { namespace?: string; name?: string } }>(objects: Iterable<T>): Map<string, T> {
  return new Map([...objects].map((one) => [serviceKey(one.metadata?.namespace, one.metadata?.name), one]));
}

/** `/foo/` and `/foo` are one prefix (networking/v1 PathType: split by `/`, element by element). */
function ruleKey(type: IngressRule["type"], path: string): string {
  return type === "Prefix" && path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

/** Whether plain HTTP to a host of this Ingress is redirected: it has TLS, and no annotation forbids it. */
function redirectTest({ metadata, spec }: Ingress): (host: string) => boolean {
  const annotations = metadata?.annotations ?? {};
  const wish = annotations["podman-swarm.io/ssl-redirect"] ?? annotations["nginx.ingress.kubernetes.io/ssl-redirect"];
  if (wish === "false") return () => false;
  const entries = spec?.tls ?? [];
  const hosts = new Set(entries.flatMap((tls) => tls.hosts ?? []).map((host) => host.toLowerCase()));
  const all = entries.some((tls) => !tls.hosts?.length);
  return (host) => all || hosts.has(host) || hosts.has(host.replace(/^[^.]+\./, "*."));
}
