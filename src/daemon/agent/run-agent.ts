import { systemClock } from "../../lib/clock.ts";
import { collectAfterStart } from "../../lib/collect-after-start.ts";
import { DamagedFile } from "../../lib/damaged-file.ts";
import { isAbort } from "../../lib/is-abort.ts";
import { describeError, type Logger } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { runTogether } from "../../lib/run-together.ts";
import { type AgentConfig, ConfigError } from "../config/agent-config.ts";
import { keepAddress } from "../config/own-address.ts";
import { connectToSupervisor } from "../handles/received-sockets.ts";
import { REFUSED_EXIT_CODE } from "../handles/socket-messages.ts";
import { LeftCluster } from "../cluster/membership-changes.ts";
import { openCluster } from "../cluster/open-cluster.ts";
import { openControlPlane } from "./control-plane.ts";
import { reportHost } from "./report-host.ts";
import { openState, StateRefused } from "./state.ts";
import { openTrust } from "./trust.ts";
import { openWorkloads } from "./workloads.ts";

/** The agent process: everything but sockets and proxied traffic. Started by the supervisor. Gives the exit code. */
export async function runAgent(config: AgentConfig, logger: Logger): Promise<number> {
  const { sockets: received, stop } = connectToSupervisor();
  const deps = { clock: systemClock, random: systemRandom, logger };
  try {
    const state = await openState(config, deps);
    try {
      await keepAddress(config.dataDir, config.advertiseAddr);
      const trust = await openTrust(config, deps, stop);
      const sockets = await received;
      const cluster = await openCluster(config, { ...deps, state, trust, sockets });
      const workloads = await openWorkloads(config, { ...deps, state, trust });
      const controlPlane = await openControlPlane(config, {
        ...deps,
        state,
        trust,
        workloads,
        cluster,
        sockets,
      });
      const host = {
        name: "host report",
        run: (signal: AbortSignal) => reportHost(config, { ...deps, state, signal }),
      };
      collectAfterStart();
      await runTogether(
        [...state.parts, ...trust.parts, ...cluster.parts, ...controlPlane.parts, ...workloads.parts, host],
        stop,
      );
    } finally {
      await state.close();
    }
    return 0;
  } catch (error) {
    if (stop.aborted) {
      // It has stopped all the same; but what failed may be the last write to the disk.
      if (!isAbort(error, stop.reason)) logger.warn("Failed while stopping", { error: describeError(error) });
      return 0;
    }
    logger.error("The agent process ends", { error: describeError(error) });
    return isFinal(error) ? REFUSED_EXIT_CODE : 1;
  } finally {
    // The channel to the supervisor would keep the process alive.
    if (process.connected) process.disconnect();
  }
}

/** Starting again by itself would not help; a part's own failure is the cause of what it takes down. */
function isFinal(error: unknown): boolean {
  const kinds = [StateRefused, ConfigError, DamagedFile, LeftCluster];
  const seen = error instanceof Error ? [error, error.cause] : [];
  return seen.some((one) => kinds.some((kind) => one instanceof kind));
}
