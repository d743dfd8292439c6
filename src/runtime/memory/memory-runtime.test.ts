import { systemClock } from "../../lib/clock.ts";
import { runtimeContract } from "../runtime.contract.ts";
import { contractContainer } from "../contract-container.ts";
import { MemoryEngine, MemoryRuntime, type Behaviour } from "./memory-runtime.ts";

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  runs: { exec: () => ({ exitCode: 5, output: "out\n" }) },
  endsWith3: { endsAfterMs: 20, exitCode: 3 },
  ignoresTerm: { ignoresTerm: true },
  unstartable: { unstartable: true },
};

const engine = new MemoryEngine();
const deps = { clock: systemClock, behave: ({ name }: { name: string }) => BEHAVIOURS[name] ?? {} };

runtimeContract("memory", async () => ({
  runtime: new MemoryRuntime(deps, { engine, owner: "one" }),
  other: new MemoryRuntime(deps, { engine, owner: "two" }),
  sandbox: (uid) => ({
    pod: { uid, namespace: "default", name: "pod" },
    attempt: 0,
    hostname: "pod",
    network: undefined,
    ports: [],
    sysctls: {},
    sharePids: false,
  }),
  container: (kind) => contractContainer(kind, { image: "image", logPath: "/dev/null" }),
  stop: async () => {},
}));
