import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../lib/clock.ts";
import { silentLogger } from "../lib/log.ts";
import { Metrics } from "../lib/metrics.ts";
import { systemRandom } from "../lib/random.ts";
import { ApiTokens } from "../security/tokens/api-tokens.ts";
import { Authenticator } from "../security/authenticator.ts";
import { ClusterAuthority } from "../security/certificates/cluster-authority.ts";
import { ServerIdentity } from "../security/certificates/server-identity.ts";
import { serverNames } from "../security/certificates/server-names.ts";
import { openMemoryStore } from "../store/open-memory-store.ts";
import { ApiServer } from "./api-server.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { ensureBootstrapObjects } from "./bootstrap-objects.ts";
import { createRouter } from "./create-router.ts";
import { openRegistry } from "./open-registry.ts";
import type { HealthCheck, PodLogs } from "./ports.ts";

export interface ServedOptions {
  readonly authenticateLoopback?: boolean;
  readonly corsOrigins?: readonly string[];
  readonly logs?: PodLogs;
  readonly checks?: readonly HealthCheck[];
  readonly port?: number;
  /** Decides when the server's certificate is due. */
  readonly certificateClock?: Clock;
  /** A bound socket for plain HTTP. */
  readonly plainHandle?: object;
}

const noLogs: PodLogs = { open: () => Promise.reject(new Error("no container runs here")) };

/** For tests: the whole API over real sockets of loopback, on a store in memory. */
export async function serveInMemory(options: ServedOptions = {}) {
  const { corsOrigins = [], logs = noLogs, checks = [], port = 0, plainHandle } = options;
  const { authenticateLoopback = false, certificateClock: clock = systemClock } = options;
  const directory = await mkdtemp(join(tmpdir(), "apiserver-test-"));
  const stopping = new AbortController();
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
  const store = openMemoryStore();
  const { registry, objects } = openRegistry({ store, ...deps });
  const authority = await ClusterAuthority.open({ directory, clock: systemClock });
  const altNames = (): string[] =>
    serverNames({ nodeName: "test", clusterDomain: "cluster.local", serviceAddress: "10.43.0.1" });
  const identity = new ServerIdentity({ authority, ...deps, clock }, { directory, commonName: "test", altNames });
  await identity.load();
  const tokens = new ApiTokens({ store, ...deps });
  const audit = new AuditLog(silentLogger, { file: join(directory, "audit.log") });
  await audit.open();
  const authenticator = new Authenticator({ tokens, ...deps }, { authenticateLoopback });
  const metrics = new Metrics();
  const router = createRouter(
    { registry, objects, tokens, authenticator, logs, metrics, audit, checks, ...deps },
    { corsOrigins },
  );
  const server = new ApiServer(
    { router, identity, authority, ...deps },
    {
      https: [{ host: "127.0.0.1", port }],
      http: [plainHandle ? { handle: plainHandle } : { host: "127.0.0.1", port: 0 }],
    },
  );
  const running = Promise.all([server.run(stopping.signal), identity.run(stopping.signal)]);
  running.catch(() => {});
  const [secure, plain] = await server.listening();
  const endpoint = { address: "127.0.0.1", port: secure?.port ?? 0, nodeName: "test" };
  await ensureBootstrapObjects(objects, { serviceAddress: "10.43.0.1", endpoint });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
    await audit.close();
    await rm(directory, { recursive: true });
  };
  return {
    directory,
    store,
    registry,
    objects,
    authority,
    identity,
    tokens,
    stop,
    httpsPort: secure?.port ?? 0,
    url: `http://127.0.0.1:${plain?.port ?? 0}`,
    [Symbol.asyncDispose]: stop,
  };
}
