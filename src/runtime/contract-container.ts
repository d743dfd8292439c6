import type { ContractContainer } from "./runtime.contract.ts";
import type { ContainerSpec } from "./runtime-port.ts";

const COMMANDS: Readonly<Record<ContractContainer, readonly string[]>> = {
  runs: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
  endsWith3: ["sh", "-c", "sleep 0.05; exit 3"],
  ignoresTerm: ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"],
  unstartable: ["no-such-command"],
};

/** The contract suite's containers, for an image that has a shell. */
export function contractContainer(
  kind: ContractContainer,
  { image, logPath }: { image: string; logPath: string },
): ContainerSpec {
  return {
    name: kind,
    attempt: 0,
    specHash: "0123456789abcdef",
    image,
    entrypoint: COMMANDS[kind],
    command: undefined,
    env: {},
    workDir: undefined,
    mounts: [],
    stdin: false,
    stdinOnce: false,
    tty: false,
    stopSignal: undefined,
    logPath,
    limits: {},
    security: {
      user: undefined,
      groups: [],
      privileged: false,
      capAdd: [],
      capDrop: [],
      readOnlyRoot: false,
      noNewPrivileges: false,
      seccompUnconfined: false,
      selinux: [],
    },
    hostPid: false,
    hostIpc: false,
  };
}
