import { join } from "node:path";
import { declarations } from "../../api/catalog.ts";
import { ApiServer } from "../../apiserver/api-server.ts";
import { AuditLog } from "../../apiserver/audit/audit-log.ts";
import { ensureBootstrapObjects, keepBootstrapObjects } from "../../apiserver/bootstrap-objects.ts";
import { createRouter } from "../../apiserver/create-router.ts";
import { ClusterView } from "../../controllers/cluster-view.ts";
import { ALWAYS_HOME } from "../../controllers/controller.ts";
import { createControllers } from "../../controllers/create-controllers.ts";
import { ControllerRunner } from "../../controllers/runner.ts";
import type { Part } from "../../lib/run-together.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { ApiTokens } from "../../security/tokens/api-tokens.ts";
import { Authenticator } from "../../security/authenticator.ts";
import type { Cluster } from "../cluster/open-cluster.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import {
  controllerMetrics,
  healthMetrics,
  objectMetrics,
  processMetrics,
  schedulerMetrics,
} from "./control-metrics.ts";
import { healthChecks } from "./health-checks.ts";
import { publishCa } from "./publish-ca.ts";
import type { AgentDeps, State } from "./state.ts";
import { firstServiceAddress, type Trust } from "./trust.ts";
import type { Workloads } from "./workloads.ts";

interface ControlPlaneDeps extends AgentDeps {
  readonly state: State;
  readonly trust: Trust;
  readonly workloads: Workloads;
  readonly cluster: Cluster;
  readonly sockets: ReceivedSockets;
}

/** The API server, the controllers and the scheduler. */
export async function openControlPlane(
  config: AgentConfig,
  deps: ControlPlaneDeps,
): Promise<{ readonly parts: readonly Part[] }> {
  const { state } = deps;
  const api = await openApi(config, deps);
  const endpoint = { address: config.advertiseAddr, port: config.apiAddr.port, nodeName: config.nodeName };
  const { objects } = state;
  const bootstrap = { serviceAddress: firstServiceAddress(config), endpoint };
  await ensureBootstrapObjects(objects, bootstrap);
  const log = deps.logger.with({ part: "bootstrap" });
  const keeper: Part = {
    name: "bootstrap objects",
    run: (signal) => keepBootstrapObjects({ objects, log }, bootstrap, signal),
  };
  const { authority } = deps.trust;
  const publisher: Part = {
    name: "CA for pods",
    run: (signal) => publishCa({ objects, authority, rootCa: () => rootCaOf(deps.trust), log }, signal),
  };
  return { parts: [...api, controllerPart(deps), schedulerPart(deps), keeper, publisher] };
}

/** What pods are to believe of an API. */
function rootCaOf({ authority, provided }: Trust): string {
  return [...authority.trusted, provided?.ca ?? ""].join("");
}

function schedulerPart({ clock, logger, state }: ControlPlaneDeps): Part {
  const scheduler = new Scheduler({
    objects: state.objects,
    recorder: state.recorder({ component: "default-scheduler" }),
    home: { isHome: () => true, changed: () => {} },
    clock,
    logger: logger.with({ part: "scheduler" }),
    metrics: schedulerMetrics(state.metrics),
  });
  return { name: "scheduler", run: (signal) => scheduler.run(signal) };
}

function controllerPart({ clock, logger, state, trust }: ControlPlaneDeps): Part {
  const { objects } = state;
  const view = new ClusterView({ objects });
  const recorder = (component: string) => state.recorder({ component });
  const rootCa = (): string => rootCaOf(trust);
  const controllers = createControllers({ objects, view, clock, recorder, kinds: declarations, rootCa });
  const runner = new ControllerRunner({
    objects,
    view,
    homes: ALWAYS_HOME,
    recorder,
    clock,
    logger: logger.with({ part: "controllers" }),
    metrics: controllerMetrics(state.metrics),
    controllers,
  });
  return { name: "controllers", run: (signal) => runner.run(signal) };
}

async function openApi(config: AgentConfig, deps: ControlPlaneDeps): Promise<readonly Part[]> {
  const { clock, random, logger, state, trust, workloads, cluster, sockets } = deps;
  const log = logger.with({ part: "api" });
  const { store, registry, objects, metrics } = state;
  const tokens = new ApiTokens({ store, clock, log });
  const tokenFile = await tokens.ensureFirst({ chosen: config.apiToken, file: join(config.dataDir, "api-token") });
  if (tokenFile !== undefined) log.info("Wrote the first admin token", { file: tokenFile });
  const audit = new AuditLog(log, { file: join(config.dataDir, "audit.log") });
  await audit.open();
  const authenticator = new Authenticator({ tokens, clock, log }, { authenticateLoopback: config.enableApiAuth });
  const checks = healthChecks({ store, objects, traffic: workloads.traffic, nodeName: config.nodeName });
  objectMetrics(metrics, store);
  healthMetrics(metrics, checks);
  processMetrics(metrics, clock);
  const { logs } = workloads;
  const parts = { registry, objects, tokens, authenticator, logs, clock, random, log, metrics, audit, checks, cluster };
  const router = createRouter(parts, { corsOrigins: config.corsOrigins });
  const server = new ApiServer(
    { router, identity: trust.api, provided: trust.provided, authority: trust.authority, clock, log },
    { https: [{ handle: sockets.take("api").handle }], http: [{ handle: sockets.take("http").handle }] },
  );
  const address = `${config.apiAddr.host}:${config.apiAddr.port}`;
  const serve = async (signal: AbortSignal): Promise<void> => {
    const told = server.listening().then(
      () => log.info("The API is served", { https: address, kubeconfig: trust.kubeconfig }),
      () => {}, // `run` rejects with the same failure
    );
    try {
      await server.run(signal);
      await told;
    } finally {
      await audit.close();
    }
  };
  return [
    { name: "API server", run: serve },
    { name: "token clean-up", run: (signal) => tokens.run(signal) },
  ];
}
