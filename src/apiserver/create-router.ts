import { declarationOf } from "../api/catalog.ts";
import type { Objects } from "../api/objects.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import type { ApiTokens } from "../security/tokens/api-tokens.ts";
import type { JoinTokens } from "../security/tokens/join-tokens.ts";
import type { Authenticator } from "../security/authenticator.ts";
import type { AuditLog } from "./audit/audit-log.ts";
import { Discovery } from "./discovery/discovery.ts";
import { Aliases } from "./endpoints/aliases.ts";
import { CertificateAuthority } from "./endpoints/certificate-authority.ts";
import { CustomResources } from "./endpoints/custom-resources.ts";
import { JoinTokensEndpoint } from "./endpoints/join-tokens.ts";
import { KeyRotationEndpoint } from "./endpoints/key-rotation.ts";
import { Manifests } from "./endpoints/manifests.ts";
import { Members } from "./endpoints/members.ts";
import { ServiceEndpoints } from "./endpoints/service-endpoints.ts";
import { Tokens } from "./endpoints/tokens.ts";
import { OpenApiDocuments } from "./endpoints/open-api-documents.ts";
import { OwnersOnly } from "./endpoints/owners-only.ts";
import { Resources } from "./endpoints/resources.ts";
import { Reviews } from "./endpoints/reviews.ts";
import { ServerInfo } from "./endpoints/server-info.ts";
import { Health } from "./health.ts";
import { Cors } from "./http/cors.ts";
import type { Endpoint } from "./http/endpoint.ts";
import { ListBodies } from "./objects/list-body.ts";
import { ListPages } from "./objects/list-pages.ts";
import type { CaControl, ClusterMembers, HealthCheck, KeyRotation, PodLogs } from "./ports.ts";
import type { Registry } from "./registry.ts";
import { RequestRouter } from "./request-router.ts";
import { ResourceHandler } from "./objects/resource-handler.ts";
import { bindingSubresource } from "./subresources/binding.ts";
import { evictionSubresource } from "./subresources/eviction.ts";
import { notYet } from "./subresources/not-yet.ts";
import { podLogSubresource } from "./subresources/pod-log.ts";
import { replacePart } from "./subresources/replace-part.ts";
import { scaleSubresource } from "./subresources/scale.ts";
import { statusSubresource } from "./subresources/status.ts";
import type { SubresourceHandler } from "./subresources/subresource.ts";

export interface RouterParts {
  readonly registry: Registry;
  readonly objects: Objects;
  readonly tokens: ApiTokens;
  readonly authenticator: Authenticator;
  readonly logs: PodLogs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly audit?: AuditLog | undefined;
  readonly checks?: readonly HealthCheck[];
  readonly cluster?: (ClusterMembers & KeyRotation & CaControl & { readonly joinTokens: JoinTokens }) | undefined;
}

export interface RouterOptions {
  /** Web pages that may use the API; none by default. */
  readonly corsOrigins?: readonly string[];
}

/** Everything that the API answers, in the order in which it is tried. */
export function createRouter(parts: RouterParts, { corsOrigins = [] }: RouterOptions = {}): RequestRouter {
  const { registry, objects, tokens, clock, random, log, metrics, authenticator, audit, checks = [], cluster } = parts;
  const slow = metrics.counter("apiserver_slow_watchers_total", "Watchers cut off because they did not read.");
  const resources = new ResourceHandler({
    registry,
    clock,
    random,
    pages: new ListPages({ clock, random }),
    bodies: new ListBodies(clock),
    subresources: subresourcesOf(parts),
    onSlowWatcher: ({ resource, unsentBytes }) => {
      slow.add({ resource });
      log.warn("a watcher that does not read was cut off", { resource, unsentBytes });
    },
  });
  return new RequestRouter({
    authenticator,
    clock,
    random,
    log,
    metrics,
    audit,
    cors: corsOrigins.length === 0 ? undefined : new Cors(corsOrigins),
    open: [new Health(checks)],
    endpoints: [
      // Who am I and may I: for everyone who is known.
      new Reviews(clock),
      new OwnersOnly([
        new Resources(resources),
        new Discovery(),
        new OpenApiDocuments(clock),
        new ServerInfo(metrics),
        new CustomResources(),
        new Aliases(resources),
        new ServiceEndpoints(objects),
        new Manifests(registry),
        new Tokens(tokens),
        ...(cluster ? clusterEndpoints(cluster) : []),
      ]),
    ],
  });
}

function clusterEndpoints(cluster: NonNullable<RouterParts["cluster"]>): Endpoint[] {
  const joinTokens = new JoinTokensEndpoint(cluster.joinTokens, cluster.about.address);
  return [joinTokens, new Members(cluster), new KeyRotationEndpoint(cluster), new CertificateAuthority(cluster)];
}

function subresourcesOf({ registry, clock, logs }: RouterParts): ReadonlyMap<string, SubresourceHandler> {
  const now = (): number => clock.now();
  return new Map<string, SubresourceHandler>([
    ["status", statusSubresource(registry, now)],
    ["scale", scaleSubresource(registry)],
    ["pods/binding", bindingSubresource({ registry, clock, pods: declarationOf("Pod") })],
    ["pods/eviction", evictionSubresource(registry)],
    ["pods/exec", notYet("exec")],
    ["pods/attach", notYet("attach")],
    ["pods/portforward", notYet("port-forward")],
    ["pods/resize", notYet("resizing a running pod")],
    ["pods/proxy", notYet("proxy")],
    ["services/proxy", notYet("proxy")],
    ["nodes/proxy", notYet("proxy")],
    ["serviceaccounts/token", notYet("a service account's token")],
    ["pods/log", podLogSubresource(registry, logs)],
    ["pods/ephemeralcontainers", notYet("adding containers to a running pod")],
    ["namespaces/finalize", replacePart(registry, now, "finalizers")],
  ]);
}
