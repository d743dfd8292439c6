import { type FieldError, invalid, invalidObject } from "../../api/field-error.ts";
import type { KindDeclaration } from "../../api/kind.ts";
import type { KubeObject, Service, ServicePort } from "../../api/kinds.ts";
import type { Random } from "../../lib/random.ts";
import type { Store } from "../../store/port.ts";
import type { AdmissionRequest, AdmissionStep, Settle } from "../admission/admission.ts";
import { AddressRange } from "./address-range.ts";
import { carryOver, needsClusterIp, needsHealthCheckPort, needsNodePorts, type ServiceSpec } from "./carry-over.ts";
import { NumberPool } from "./number-pool.ts";

/** Upstream's default range of node ports. */
const NODE_PORTS = [30_000, 32_767] as const;

export interface ServiceAddressesDeps {
  readonly store: Store;
  readonly services: KindDeclaration;
  readonly random: Random;
}

/** What one write has reserved. */
interface Reserved {
  readonly addresses: number[];
  readonly ports: number[];
}

/**
 * Gives services their addresses and node ports, and checks those that are asked for. The services themselves are the
 * record of what is taken: what a deleted one had is free at once.
 */
export class ServiceAddresses implements AdmissionStep {
  readonly name = "ServiceAddresses";
  readonly #deps: ServiceAddressesDeps;
  readonly #range: AddressRange;
  readonly #addresses: NumberPool;
  readonly #ports: NumberPool;

  constructor(deps: ServiceAddressesDeps, serviceCidr: string) {
    this.#deps = deps;
    this.#range = new AddressRange(serviceCidr);
    const { random } = deps;
    this.#addresses = new NumberPool({ random, taken: () => this.#takenAddresses() }, [1, this.#range.size - 2]);
    this.#ports = new NumberPool({ random, taken: () => this.#takenPorts() }, NODE_PORTS);
  }

  mutate({ kind, operation, object, previous }: AdmissionRequest): Settle | undefined {
    if (kind.kind !== "Service" || operation === "delete") return undefined;
    const spec = specOf(object);
    const before = previous && specOf(previous);
    if (!spec) return undefined;
    if (before) carryOver(spec, before);
    const reserved: Reserved = { addresses: [], ports: [] };
    const errors: FieldError[] = [];
    this.#clusterIp(spec, before, { reserved, errors });
    this.#nodePorts(spec, before, { reserved, errors });
    if (errors.length > 0) {
      this.#settle(reserved);
      throw invalidObject({ kind: kind.kind, group: kind.group, name: object.metadata.name ?? "" }, errors);
    }
    return () => this.#settle(reserved);
  }

  #clusterIp(
    spec: ServiceSpec,
    before: ServiceSpec | undefined,
    to: { reserved: Reserved; errors: FieldError[] },
  ): void {
    if (spec.clusterIP === "None") spec.clusterIPs ??= ["None"];
    if (!needsClusterIp(spec)) return;
    const asked = spec.clusterIP || spec.clusterIPs?.[0] || "";
    const kept = asked !== "" && before?.clusterIP === asked;
    const number = kept ? undefined : this.#takeAddress(asked, to.errors);
    if (number !== undefined) {
      to.reserved.addresses.push(number);
      spec.clusterIP = this.#range.at(number);
    } else spec.clusterIP = asked;
    if ((spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
  }

  #takeAddress(asked: string, errors: FieldError[]): number | undefined {
    const field = "spec.clusterIPs[0]";
    if (asked === "") {
      // The low addresses are left to those who ask for one, as upstream does (KEP-3070).
      const free = this.#addresses.next(lowBand(this.#range.size));
      if (free === undefined)
        errors.push(invalid(field, "", `failed to allocate a serviceIP: range ${this.#range.cidr} is full`));
      return free;
    }
    const number = this.#range.offset(asked);
    const failed = `failed to allocate IP ${asked}`;
    if (number === undefined) {
      const why = `the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${this.#range.cidr}`;
      errors.push(invalid(field, asked, `${failed}: ${why}`));
      return undefined;
    }
    if (this.#addresses.reserve(number)) return number;
    errors.push(invalid(field, asked, `${failed}: provided IP is already allocated`));
    return undefined;
  }

  #nodePorts(
    spec: ServiceSpec,
    before: ServiceSpec | undefined,
    to: { reserved: Reserved; errors: FieldError[] },
  ): void {
    const own = new Set(portsOf(before));
    const asked = needsNodePorts(spec) ? (spec.ports ?? []) : [];
    // Those that are asked for come first, so that none of them is given away to another port of the same service.
    const inOrder = asked
      .map((port, index) => ({ port, index }))
      .toSorted((a, b) => (b.port.nodePort ?? 0) - (a.port.nodePort ?? 0));
    for (const { port, index } of inOrder) {
      this.#takePort(port, { own, ...to, field: `spec.ports[${index}].nodePort` });
    }
    if (!needsHealthCheckPort(spec)) return;
    const health: Pick<ServicePort, "nodePort"> = { nodePort: spec.healthCheckNodePort ?? 0 };
    this.#takePort(health, { own, ...to, field: "spec.healthCheckNodePort" });
    if (health.nodePort) spec.healthCheckNodePort = health.nodePort;
  }

  #takePort(
    port: Pick<ServicePort, "nodePort">,
    to: { own: Set<number>; reserved: Reserved; errors: FieldError[]; field: string },
  ): void {
    const asked = port.nodePort;
    // The same number may serve two protocols of one service.
    if (asked && to.own.has(asked)) return;
    if (!asked) {
      const free = this.#ports.next();
      if (free === undefined) to.errors.push(invalid(to.field, 0, "failed to allocate a nodePort: range is full"));
      else {
        port.nodePort = free;
        to.reserved.ports.push(free);
        to.own.add(free);
      }
      return;
    }
    if (!this.#ports.includes(asked)) {
      const why = `provided port is not in the valid range. The range of valid ports is ${NODE_PORTS.join("-")}`;
      to.errors.push(invalid(to.field, asked, why));
    } else if (this.#ports.reserve(asked)) {
      to.reserved.ports.push(asked);
      to.own.add(asked);
    } else to.errors.push(invalid(to.field, asked, "provided port is already allocated"));
  }

  #settle({ addresses, ports }: Reserved): void {
    for (const number of addresses) this.#addresses.settle(number);
    for (const number of ports) this.#ports.settle(number);
  }

  #services(): readonly ServiceSpec[] {
    const { store, services } = this.#deps;
    return store.list(services.resource).entries.flatMap(({ object }) => specOf(object) ?? []);
  }

  #takenAddresses(): ReadonlySet<number> {
    return new Set(this.#services().flatMap(({ clusterIP = "" }) => this.#range.offset(clusterIP) ?? []));
  }

  #takenPorts(): ReadonlySet<number> {
    return new Set(this.#services().flatMap(portsOf));
  }
}

function specOf(object: KubeObject): ServiceSpec | undefined {
  return (object as unknown as Service).spec;
}

function portsOf(spec: ServiceSpec | undefined): number[] {
  const ports = (spec?.ports ?? []).map(({ nodePort }) => nodePort);
  return [...ports, spec?.healthCheckNodePort].filter((port) => port !== undefined && port > 0) as number[];
}

/** KEP-3070's formula: a sixteenth of the range, at least 16 and at most 256 addresses. */
function lowBand(size: number): number {
  return Math.min(Math.max(16, Math.floor(size / 16)), 256, Math.floor(size / 2));
}
