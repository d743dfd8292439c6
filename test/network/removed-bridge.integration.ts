import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Lab } from "../lab/lab.ts";
import { canStartLabs, labTest } from "../lab/lab-test.ts";
import { eventually } from "../poll.ts";
import { AgentProcess, type AgentPlace } from "../support/agent-process.ts";
import { WebApp } from "../support/web-app.ts";

interface EventList {
  readonly items: readonly { readonly reason: string; readonly message: string }[];
}

let lab: Lab;

before(async () => {
  if (canStartLabs) lab = await Lab.start({ hosts: 2 });
});
after(() => lab?.stop());

/** As another administrator's accident, from within the namespace that holds the bridge. */
async function removeBridge(agent: AgentProcess, user: AgentPlace["user"]): Promise<void> {
  const remove = ["ip", "link", "delete", "podman-swarm"] as const;
  await agent.run(user === "root" ? remove : ["podman", "unshare", "--rootless-netns", ...remove]);
}

async function bridgeComesBack(place: AgentPlace): Promise<void> {
  const agent = await AgentProcess.start({ place });
  const client = agent.client();
  try {
    const app = await WebApp.deploy(agent, client);
    const before = await app.containers();
    await removeBridge(agent, place.user);
    const path = "/api/v1/events?fieldSelector=involvedObject.kind=Node";
    const told = async (): Promise<boolean> => {
      const { items } = await client.json<EventList>("GET", path);
      return items.some(({ reason, message }) => reason === "PodNetworkRestored" && /3 containers/.test(message));
    };
    await eventually(told, { timeoutMs: 60_000, everyMs: 200, what: "an Event that says so" });
    await app.ready(2);
    const [first = ""] = await app.containers();
    const id = first.split(" ")[1]?.replace("podman://", "") ?? "";
    const inPod = ["podman", "exec", id, "timeout", "10", "wget", "-qO-", "http://web/cgi-bin/index.cgi"] as const;
    assert.match(
      await eventually(() => agent.run(inPod), { timeoutMs: 60_000, what: "the service by its name" }),
      /Hello from/,
    );
    assert.deepEqual(await app.containers(), before, "no container was restarted");
  } finally {
    client.close();
    await agent.stop();
  }
}

labTest("a bridge that somebody removes is put back, and no container is restarted", () =>
  bridgeComesBack({ host: lab.host(1), user: "root" }),
);

labTest("the same without root, in Podman's own namespace", () =>
  bridgeComesBack({ host: lab.host(2), user: "unprivileged" }),
);
