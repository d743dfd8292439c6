import { join } from "node:path";
import { ApiClient } from "../../client/api-client.ts";
import { readKubeconfig } from "../../client/kubeconfig.ts";
import { systemClock } from "../../lib/clock.ts";
import { findRunningAgent } from "../../lib/host/running-agent.ts";
import { describeError } from "../../lib/log.ts";
import type { MemberList } from "../commands/members.ts";
import type { StartedAgent } from "./start-agent.ts";

const LONGEST_MS = 90_000;
const LOOK_MS = 250;

export interface ReadyAgent extends MemberList {
  readonly kubeconfig: string;
}

interface Health {
  readonly status: string;
  readonly failed?: readonly string[];
}

/**
 * Resolves once the agent says that its node works and, where asked for, that it sees another living member. Rejects with
 * what it said when it ends, and with what is missing when that takes too long.
 */
export async function waitForAgent(
  agent: StartedAgent,
  { withOthers, signal }: { readonly withOthers: boolean; readonly signal: AbortSignal },
): Promise<ReadyAgent> {
  const until = systemClock.monotonic() + LONGEST_MS;
  for (;;) {
    const ended = await agent.ended();
    if (ended !== undefined) throw new Error(`The agent did not start. It said:\n${ended}`);
    const missing = await look(withOthers, signal);
    if (typeof missing !== "string") return missing;
    if (systemClock.monotonic() > until) {
      throw new Error(`The agent runs, but after ${LONGEST_MS / 1000} s ${missing}. Its log: ${agent.log}`);
    }
    await systemClock.sleep(LOOK_MS, signal);
  }
}

async function look(withOthers: boolean, signal: AbortSignal): Promise<ReadyAgent | string> {
  const running = await findRunningAgent();
  if (!running) return "it has not taken its host";
  const kubeconfig = join(running.dataDir, "kubeconfig");
  let client: ApiClient | undefined;
  try {
    client = new ApiClient(readKubeconfig(kubeconfig).connection);
    const health = await client.json<Health>("GET", "/api/v1/health", { signal });
    if (health.status !== "ok") return `its node is ${health.status}: ${(health.failed ?? []).join(", ")}`;
    const list = await client.json<MemberList>("GET", "/api/v1/members", { signal });
    const alive = list.members.filter(({ state }) => state === "alive").length;
    if (withOthers && alive < 2) {
      return "it sees no other member; do firewalls let UDP through to the cluster ports of both?";
    }
    return { ...list, kubeconfig };
  } catch (error) {
    signal.throwIfAborted();
    // Whatever it is, it may pass while the agent starts; it is told if it does not.
    return `its API does not answer as it should (${describeError(error)})`;
  } finally {
    client?.close();
  }
}
