import type { Step, StepUser } from "./step.ts";

/** Tests of Node's runner, one file after the other. */
function nodeTest(user: StepUser, files: readonly string[], ...options: string[]): Step {
  const flags = ["--test", "--test-reporter=spec", "--test-concurrency=1", "--test-timeout=300000", ...options];
  return { name: `${files.join(" ")} as ${user}`, user, command: [process.execPath, ...flags, ...files] };
}

function stepsOf(user: StepUser): Step[] {
  return [
    { name: `test images as ${user}`, user, command: ["test/images/make"] },
    { name: `psctl doctor as ${user}`, user, command: ["dist/psctl", "doctor"] },
    nodeTest(user, ["test/runtime/podman-contract.integration.ts"]),
    nodeTest(user, ["test/vm/guest/node-under-systemd.ts"]),
  ];
}

/** What runs in the virtual machine, in this order. */
export const STEPS: readonly Step[] = [
  // The user first: of a node that has ended, containers and networks stay, and where root's has pods' addresses on the
  // machine itself, a user's Podman refuses them for its own.
  ...stepsOf("swarm"),
  ...stepsOf("root"),
  // As root only: it works in user namespaces anyway.
  nodeTest("root", ["src/network/bridge-pod-network.integration.ts", "src/network/service-router.integration.ts"]),
];
