import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { runtimeContract } from "../../src/runtime/runtime.contract.ts";
import { contractContainer } from "../../src/runtime/contract-container.ts";
import { PodmanRuntime } from "../../src/runtime/podman/podman-runtime.ts";
import { IMAGE, PodmanNode } from "./support/podman-node.ts";

runtimeContract("Podman", async () => {
  const node = await PodmanNode.start(4);
  let address = 10;
  return {
    runtime: new PodmanRuntime({ http: node.http, node: "contract-one", clock: systemClock, log: node.log }),
    other: new PodmanRuntime({ http: node.http, node: "contract-two", clock: systemClock, log: silentLogger }),
    sandbox: (uid) => ({
      pod: { uid, namespace: "default", name: "contract" },
      attempt: 0,
      hostname: "contract",
      network: { name: node.networkName, ip: `10.61.4.${address++}` },
      ports: [],
      sysctls: {},
      sharePids: false,
    }),
    container: (kind) =>
      contractContainer(kind, { image: IMAGE, logPath: join(node.directory, `${systemRandom.uuid()}.log`) }),
    stop: () => node.stop(),
  };
});
