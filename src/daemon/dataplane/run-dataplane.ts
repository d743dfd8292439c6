import { DnsServer } from "../../dns/dns-server.ts";
import { IngressServer } from "../../ingress/ingress-server.ts";
import { systemClock } from "../../lib/clock.ts";
import { createLogger, describeError, type Level, type Logger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { connectToSupervisor, type ReceivedSockets } from "../handles/received-sockets.ts";
import { REFUSED_EXIT_CODE } from "../handles/socket-messages.ts";
import { ControlServer } from "./control-server.ts";
import { DnsHost } from "./dns-host.ts";
import { dropPrivileges } from "./drop-privileges.ts";
import { LimitedProber } from "./prober.ts";

/**
 * The dataplane process: what is served in the pods' network namespace. Started by the supervisor, with the log's level
 * and format as arguments, and told everything else by the agent. Resolves with the exit code.
 */
export async function runDataplane(args: readonly string[] = process.argv.slice(3)): Promise<number> {
  const [level = "info", format = "json"] = args as [Level?, ("text" | "json")?];
  const logger = createLogger({ level, format }).with({ process: "dataplane" });
  const { sockets: received, stop } = connectToSupervisor();
  try {
    const sockets = await received;
    return await serve({ sockets, stop, logger });
  } catch (error) {
    if (stop.aborted) return 0;
    logger.error("The dataplane process ends", { error });
    return 1;
  } finally {
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

async function serve({
  sockets,
  stop,
  logger,
}: {
  sockets: ReceivedSockets;
  stop: AbortSignal;
  logger: Logger;
}): Promise<number> {
  const deps = { clock: systemClock, random: systemRandom, log: logger };
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal]);
  const ingress = await startIngress({ deps, sockets, signal });
  const ready = ingress?.listening;
  const dns = new DnsHost({ clock: systemClock, logger, create: (options) => new DnsServer(deps, options) });
  const control = new ControlServer({
    clock: systemClock,
    logger,
    prober: new LimitedProber(deps),
    apply: (state) => {
      dns.apply(state.dns);
      if (state.ingress !== undefined) ingress?.server.apply(state.ingress);
    },
    restart: (reason) => failed.abort(new Error(reason)),
  });
  const parts: Promise<void>[] = ingress === undefined ? [] : [ingress.run];
  try {
    await Promise.race([Promise.all(parts), ready]);
    if (sockets.dropTo !== undefined) {
      try {
        dropPrivileges(sockets.dropTo);
      } catch (error) {
        process.stderr.write(`${describeError(error)}\n`);
        return REFUSED_EXIT_CODE;
      }
    }
    parts.push(
      dns.run(signal),
      control.run((server) => sockets.listen("control", server), signal),
    );
    await Promise.all(parts);
  } finally {
    failed.abort(new Error("Another part of the dataplane failed"));
    await Promise.allSettled(parts);
  }
  if (!stop.aborted) throw failed.signal.reason as Error;
  return 0;
}

interface StartedIngress {
  readonly server: IngressServer;
  readonly run: Promise<void>;
  readonly listening: Promise<void>;
}

/** Undefined where no ingress socket was handed over: the ingress is turned off. */
async function startIngress({
  deps,
  sockets,
  signal,
}: {
  deps: ConstructorParameters<typeof IngressServer>[0];
  sockets: ReceivedSockets;
  signal: AbortSignal;
}): Promise<StartedIngress | undefined> {
  if (!sockets.has("ingress") && !sockets.has("ingress-tls")) return undefined;
  const http = sockets.has("ingress") ? sockets.take("ingress") : undefined;
  const https = sockets.has("ingress-tls") ? sockets.take("ingress-tls") : undefined;
  const listening = Promise.withResolvers<void>();
  const server = new IngressServer(deps, {
    ...(http === undefined ? {} : { http: http.handle, publicHttpPort: http.port }),
    ...(https === undefined ? {} : { https: https.handle, publicHttpsPort: https.port }),
    onListening: () => listening.resolve(),
    drainMs: 2000,
  });
  return { server, run: server.run(signal), listening: listening.promise };
}
