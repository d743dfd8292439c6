import { isReason } from "../../api/api-error.ts";
import type { Ingress, KindName } from "../../api/kinds.ts";
import type { EventRecorder, Objects } from "../../api/objects.ts";
import { projectDns } from "../../dns/project-dns.ts";
import type { DnsSnapshot } from "../../dns/snapshot.ts";
import { type IngressProblem, ingressStatus, projectIngress } from "../../ingress/project-ingress.ts";
import type { IngressSnapshot } from "../../ingress/snapshot.ts";
import type { Clock } from "../../lib/clock.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { pause } from "../../lib/pause.ts";
import { Wake } from "../../lib/wake.ts";
import { projectServiceTable, type ServiceTable } from "../../network/service-table.ts";

/** Where traffic's wanted state goes: the dataplane process and the kernel. Only the newest of each counts. */
export interface TrafficSink {
  dns(snapshot: DnsSnapshot): void;
  ingress(snapshot: IngressSnapshot): void;
  services(table: ServiceTable): void;
}

export interface TrafficProjectionDeps {
  readonly objects: Objects;
  readonly recorder: EventRecorder;
  readonly sink: TrafficSink;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface TrafficProjectionOptions {
  readonly nodeName: string;
  readonly clusterDomain: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly upstreamDns: readonly string[];
  readonly dnsServers: readonly string[];
  /** Empty when this node has no ingress. */
  readonly ingressAddresses: readonly string[];
  /** What HTTPS shows for hosts without a certificate of their own. */
  readonly ingressCertificate: DefaultCertificate;
  /** Changes that come within this time are taken together. */
  readonly gatherMs?: number;
}

export interface DefaultCertificate {
  readonly current: NonNullable<IngressSnapshot["defaultCertificate"]>;
  onChange(listener: () => void, signal: AbortSignal): void;
}

type Part = "dns" | "ingress" | "services";

/** Which parts a change of each kind touches. */
const TOUCHES: Readonly<Partial<Record<KindName, readonly Part[]>>> = {
  Service: ["dns", "ingress", "services"],
  EndpointSlice: ["dns", "ingress", "services"],
  Pod: ["dns"],
  Ingress: ["ingress"],
  IngressClass: ["ingress"],
  Secret: ["ingress"],
};

/** Turns the cluster's objects into what DNS, ingress and kernel must do, and keeps that up to date. */
export class TrafficProjection {
  readonly #deps: TrafficProjectionDeps;
  readonly #options: TrafficProjectionOptions;
  readonly #dirty = new Set<Part>(["dns", "ingress", "services"]);
  readonly #wake: Wake;
  #told = new Set<string>();

  constructor(deps: TrafficProjectionDeps, options: TrafficProjectionOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#wake = new Wake(deps.clock);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, objects } = this.#deps;
    for (const [kind, parts] of Object.entries(TOUCHES) as [KindName, readonly Part[]][]) {
      objects.watch(kind, () => this.#touch(parts), signal);
    }
    this.#options.ingressCertificate.onChange(() => this.#touch(["ingress"]), signal);
    while (!signal.aborted) {
      this.#project();
      if (this.#dirty.size === 0) await this.#wake.sleep(undefined, signal);
      await pause(clock, this.#options.gatherMs ?? 10, signal);
    }
  }

  #touch(parts: readonly Part[]): void {
    for (const part of parts) this.#dirty.add(part);
    this.#wake.ring();
  }

  #project(): void {
    const parts = [...this.#dirty];
    this.#dirty.clear();
    const { objects, sink } = this.#deps;
    const { nodeName, clusterDomain, podCidr, serviceCidr, upstreamDns, dnsServers } = this.#options;
    if (parts.length === 0) return;
    const services = objects.list("Service");
    const endpointSlices = objects.list("EndpointSlice");
    if (parts.includes("services")) sink.services(projectServiceTable({ services, endpointSlices, nodeName }));
    if (parts.includes("dns")) {
      const config = {
        domain: clusterDomain,
        ranges: [podCidr, serviceCidr],
        upstreams: upstreamDns,
        servers: dnsServers,
      };
      sink.dns(projectDns({ services, endpointSlices, pods: objects.list("Pod") }, config));
    }
    if (!parts.includes("ingress")) return;
    const all = {
      services,
      endpointSlices,
      ingresses: objects.list("Ingress"),
      ingressClasses: objects.list("IngressClass"),
      secrets: objects.list("Secret"),
    };
    const { snapshot, problems, served } = projectIngress(all, {
      nodeName,
      defaultCertificate: this.#options.ingressCertificate.current,
    });
    sink.ingress(snapshot);
    this.#tell(problems);
    for (const ingress of served) void this.#report(ingress);
  }

  /** Each problem becomes an Event when it appears, not again while it lasts. */
  #tell(problems: readonly IngressProblem[]): void {
    const now = new Set<string>();
    for (const { ingress, message } of problems) {
      const key = `${ingress.uid} ${message}`;
      now.add(key);
      if (this.#told.has(key)) continue;
      const regarding = { kind: "Ingress", apiVersion: "networking.k8s.io/v1", ...ingress };
      this.#deps.recorder.record({ regarding, type: "Warning", reason: "Rejected", message });
    }
    this.#told = now;
  }

  /** The addresses at which the Ingress is served, for `kubectl get ingress`. */
  async #report(ingress: Ingress): Promise<void> {
    const addresses = this.#options.ingressAddresses;
    const known = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
    if (known.length === addresses.length && addresses.every((address) => known.includes(address))) return;
    const { resourceVersion: _, ...metadata } = ingress.metadata ?? {};
    const status = ingressStatus(addresses);
    try {
      await this.#deps.objects.updateStatus("Ingress", { ...ingress, metadata, ...(status ? { status } : {}) });
    } catch (error) {
      // It was deleted or replaced meanwhile: its successor is reported in its turn.
      if (isReason(error, "NotFound") || isReason(error, "Conflict")) return;
      this.#deps.logger.warn("Cannot report the addresses of an Ingress", {
        ingress: metadata.name,
        error: describeError(error),
      });
    }
  }
}
