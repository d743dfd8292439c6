import { ConnectionError } from "../../client/api-client.ts";
import type { Command } from "../command.ts";
import type { Session } from "../session.ts";
import { readMembers } from "./members.ts";
import { joinHelp, type NewToken } from "./token.ts";

const TOKEN_SECONDS = 86_400;

interface Health {
  readonly status: string;
  readonly failed?: readonly string[];
}

export const init: Command = {
  name: "init",
  summary: "Check the node of this host, and print how others join it and what to try next",
  usage: "[flags]",
  flags: [],
  run: async (session) => {
    if (!(await isHealthy(session))) return 1;
    const { cluster, members } = await readMembers(session);
    const others = members.length - 1;
    session.print(`The cluster ${cluster} has ${members.length === 1 ? "one node" : `${members.length} nodes`}.`);
    const body = { name: "psctl init", expires_in: TOKEN_SECONDS };
    const made = await session.client.json<NewToken>("POST", "/api/v1/join-tokens", { body, signal: session.signal });
    session.print("");
    session.print(joinHelp(made));
    session.print("");
    session.print(`Credentials came from ${session.target.origin}. For kubectl and others:`);
    session.print("");
    session.print("  psctl kubeconfig > kubeconfig && export KUBECONFIG=$PWD/kubeconfig");
    session.print("");
    session.print("What to try next:");
    session.print("");
    session.print("  kubectl get nodes");
    session.print("  kubectl create deployment hello --image=docker.io/library/nginx:alpine --replicas=2");
    session.print("  kubectl get pods -o wide");
    session.print(others > 0 ? "  psctl members" : "  psctl members        # once another node has joined");
    return 0;
  },
};

async function isHealthy(session: Session): Promise<boolean> {
  let health: Health;
  try {
    health = await session.client.json<Health>("GET", "/api/v1/health", { signal: session.signal });
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    session.streams.err(
      `${error.message}\nNo agent answers there. Start one on this host with podman-swarm-agent, which makes a cluster of ` +
        "one node, and run psctl init again. psctl doctor checks what the host lacks.\n",
    );
    return false;
  }
  if (health.status === "ok") {
    session.print("The node works.");
    return true;
  }
  const failed = health.failed?.join(", ") ?? "";
  session.streams.err(
    `The node is ${health.status}: ${failed}. kubectl describe node says why; psctl doctor checks the host.\n`,
  );
  return false;
}
