import { readFile } from "node:fs/promises";
import { DnsServer } from "../../dns/dns-server.ts";
import { loadPoolWithParser } from "../../ingress/load-pool.ts";
import { collectAfterStart } from "../../lib/collect-after-start.ts";
import { systemClock } from "../../lib/clock.ts";
import { isAbort } from "../../lib/is-abort.ts";
import { createLogger, describeError, type Level, type Logger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { runTogether } from "../../lib/run-together.ts";
import { untilAborted } from "../../lib/until-aborted.ts";
import { connectToSupervisor, type ReceivedSockets } from "../handles/received-sockets.ts";
import { REFUSED_EXIT_CODE } from "../handles/socket-messages.ts";
import { ControlServer } from "./control-server.ts";
import { DnsHost } from "./dns-host.ts";
import { dropPrivileges } from "./drop-privileges.ts";
import { IngressHost } from "./ingress-host.ts";
import { LimitedProber } from "./prober.ts";
import type { DataplaneState } from "./protocol.ts";
import { reachableUpstreams } from "./reachable-upstreams.ts";

/**
 * The dataplane process: what is served in the pods' network namespace. Started by the supervisor, with the log's level
 * and format as arguments, and told everything else by the agent. Resolves with the exit code.
 */
export async function runDataplane(args: readonly string[] = process.argv.slice(3)): Promise<number> {
  const [level = "info", format = "json"] = args as [Level?, ("text" | "json")?];
  const logger = createLogger({ level, format }).with({ process: "dataplane" });
  const { sockets: received, stop } = connectToSupervisor();
  collectAfterStart();
  try {
    const sockets = await received;
    // The ingress loads this when it starts, which is too late: by then, the program may not be readable any more.
    await loadPoolWithParser();
    try {
      if (sockets.dropTo !== undefined) dropPrivileges(sockets.dropTo);
    } catch (error) {
      process.stderr.write(`${describeError(error)}\n`);
      return REFUSED_EXIT_CODE;
    }
    await serve({ sockets, stop, logger });
    return 0;
  } catch (error) {
    if (stop.aborted) {
      if (!isAbort(error, stop.reason)) logger.warn("Failed while stopping", { error });
      return 0;
    }
    logger.error("The dataplane process ends", { error });
    return 1;
  } finally {
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

async function serve({ sockets, stop, logger }: { sockets: ReceivedSockets; stop: AbortSignal; logger: Logger }) {
  const deps = { clock: systemClock, random: systemRandom, log: logger };
  const restart = Promise.withResolvers<never>();
  const resolvConf = await readFile("/etc/resolv.conf", "utf8").catch(() => ""); // there need be none
  const ingress = IngressHost.create(deps, sockets);
  const dns = new DnsHost({ clock: systemClock, logger, create: (options) => new DnsServer(deps, options) });
  const control = new ControlServer({
    clock: systemClock,
    logger,
    prober: new LimitedProber(deps),
    apply: (state) => {
      dns.apply(reachable(state.dns, resolvConf));
      ingress?.apply(state.ingress);
    },
    restart: (reason) => restart.reject(new Error(reason)),
  });
  const untilRestart = (signal: AbortSignal): Promise<void> => Promise.race([restart.promise, untilAborted(signal)]);
  await runTogether(
    [
      { name: "control", run: (signal) => control.run((server) => sockets.listen("control", server), signal) },
      { name: "DNS", run: (signal) => dns.run(signal) },
      ...(ingress === undefined ? [] : [{ name: "ingress", run: (signal: AbortSignal) => ingress.run(signal) }]),
      { name: "restart", run: untilRestart },
    ],
    stop,
  );
}

function reachable(dns: DataplaneState["dns"], resolvConf: string): DataplaneState["dns"] {
  if (dns?.fromHost !== true) return dns;
  const { snapshot } = dns;
  return { ...dns, snapshot: { ...snapshot, upstreams: reachableUpstreams(snapshot.upstreams, resolvConf) } };
}
