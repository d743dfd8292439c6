import { join } from "node:path";
import { declarations } from "../../api/catalog.ts";
import { ApiServer } from "../../apiserver/api-server.ts";
import { AuditLog } from "../../apiserver/audit-log.ts";
import { ensureBootstrapObjects } from "../../apiserver/bootstrap-objects.ts";
import { createRouter } from "../../apiserver/create-router.ts";
import { ClusterView } from "../../controllers/cluster-view.ts";
import { ALWAYS_HOME } from "../../controllers/controller.ts";
import { createControllers } from "../../controllers/create-controllers.ts";
import { ControllerRunner } from "../../controllers/runner.ts";
import type { Part } from "../../lib/run-together.ts";
import { formatAddress, parseRange } from "../../network/ipv4-range.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { ApiTokens } from "../../security/api-tokens.ts";
import { Authenticator } from "../../security/authenticator.ts";
import { ClusterAuthority } from "../../security/cluster-authority.ts";
import { writeOwnerKubeconfig } from "../../security/owner-kubeconfig.ts";
import { ServerIdentity } from "../../security/server-identity.ts";
import { serverNames } from "../../security/server-names.ts";
import type { AgentConfig } from "../config/agent-config.ts";
import type { ReceivedSockets } from "../handles/received-sockets.ts";
import { controllerMetrics, schedulerMetrics } from "./control-metrics.ts";
import type { AgentDeps, State } from "./state.ts";
import type { Workloads } from "./workloads.ts";

interface ControlPlaneDeps extends AgentDeps {
  readonly state: State;
  readonly workloads: Workloads;
  readonly sockets: ReceivedSockets;
}

/** The API server, the controllers and the scheduler. */
export async function openControlPlane(
  config: AgentConfig,
  deps: ControlPlaneDeps,
): Promise<{ readonly parts: readonly Part[] }> {
  const { clock, logger, state } = deps;
  const directory = join(config.dataDir, "pki");
  const authority = await ClusterAuthority.open({ directory, clock });
  const api = await openApi(config, { ...deps, authority, directory });
  const serviceAddress = firstServiceAddress(config);
  const endpoint = { address: config.advertiseAddr, port: config.apiAddr.port, nodeName: config.nodeName };
  await ensureBootstrapObjects(state.objects, { serviceAddress, endpoint });
  return {
    parts: [
      ...api,
      ...controllerParts(deps, authority.certificate),
      { name: "scheduler", run: (signal) => schedulerOf(deps).run(signal) },
    ],
  };

  function schedulerOf({ random: _, ...rest }: ControlPlaneDeps): Scheduler {
    const recorder = state.recorder({ component: "default-scheduler" });
    const home = { isHome: () => true, changed: () => {} };
    return new Scheduler({
      objects: rest.state.objects,
      recorder,
      home,
      clock,
      logger: logger.with({ part: "scheduler" }),
      metrics: schedulerMetrics(state.metrics),
    });
  }
}

function controllerParts({ clock, logger, state }: ControlPlaneDeps, rootCa: string): readonly Part[] {
  const { objects } = state;
  const view = new ClusterView({ objects });
  const recorder = (component: string) => state.recorder({ component });
  const controllers = createControllers({ objects, view, clock, recorder, kinds: declarations, rootCa: () => rootCa });
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
  return [{ name: "controllers", run: (signal) => runner.run(signal) }];
}

async function openApi(
  config: AgentConfig,
  {
    clock,
    random,
    logger,
    state,
    workloads,
    sockets,
    authority,
    directory,
  }: ControlPlaneDeps & { readonly authority: ClusterAuthority; readonly directory: string },
): Promise<readonly Part[]> {
  const log = logger.with({ part: "api" });
  const { store, registry, objects, metrics } = state;
  const altNames = (): string[] =>
    serverNames({
      nodeName: config.nodeName,
      clusterDomain: config.clusterDomain,
      serviceAddress: firstServiceAddress(config),
      extra: [config.advertiseAddr],
    });
  const identity = new ServerIdentity({ authority, clock, log }, { directory, commonName: config.nodeName, altNames });
  await identity.load();
  const tokens = new ApiTokens({ store, clock, log });
  const tokenFile = await tokens.ensureFirst({ chosen: config.apiToken, file: join(config.dataDir, "api-token") });
  if (tokenFile !== undefined) log.info("Wrote the first admin token", { file: tokenFile });
  const kubeconfig = await writeOwnerKubeconfig(
    { authority, clock },
    { directory: config.dataDir, server: `https://${clientAddress(config)}` },
  );
  const audit = new AuditLog(log, { file: join(config.dataDir, "audit.log") });
  await audit.open();
  const authenticator = new Authenticator({ tokens, clock, log }, { authenticateLoopback: config.enableApiAuth });
  const router = createRouter(
    { registry, objects, tokens, authenticator, logs: workloads.logs, clock, random, log, metrics, audit },
    { corsOrigins: config.corsOrigins },
  );
  const server = new ApiServer(
    { router, identity, clientAuthority: authority.certificate, clock, log },
    { https: [{ handle: sockets.take("api").handle }], http: [{ handle: sockets.take("http").handle }] },
  );
  const serve = async (signal: AbortSignal): Promise<void> => {
    try {
      void server.listening().then(
        () => log.info("The API is served", { https: `${config.apiAddr.host}:${config.apiAddr.port}`, kubeconfig }),
        () => {},
      ); // `run` tells the failure
      await server.run(signal);
    } finally {
      await audit.close();
    }
  };
  return [
    { name: "API server", run: serve },
    { name: "server certificate", run: (signal) => identity.run(signal) },
    { name: "token clean-up", run: (signal) => tokens.run(signal) },
  ];
}

/** Where this node's clients find its API. */
function clientAddress({ apiAddr, advertiseAddr }: AgentConfig): string {
  const host = apiAddr.host === "0.0.0.0" || apiAddr.host === "::" ? advertiseAddr : apiAddr.host;
  return `${host.includes(":") ? `[${host}]` : host}:${apiAddr.port}`;
}

function firstServiceAddress({ serviceCidr }: AgentConfig): string {
  return formatAddress(parseRange(serviceCidr).base + 1);
}
