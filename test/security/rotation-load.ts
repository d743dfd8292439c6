import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { get } from "node:https";
import { join } from "node:path";
import { ApiClient } from "../../src/client/api-client.ts";
import type { Connection } from "../../src/client/connection.ts";
import { readKubeconfig } from "../../src/client/kubeconfig.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { describeError } from "../../src/lib/log.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { eventually } from "../poll.ts";
import { withoutSuspicion } from "../support/member-lists.ts";

interface MemberList {
  readonly members: readonly { readonly name: string; readonly state: string }[];
}

/** Requests through one node all the time: on a connection that stays, and on a new one each. */
export class ApiLoad {
  readonly failures: string[] = [];
  requests = 0;
  readonly #connection: Connection;
  readonly #expected: string | undefined;
  readonly #client: ApiClient;
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;

  /** `expected`: how the list of members is to read whenever one looks, but for suspicions. */
  constructor(kubeconfig: string, expected?: string) {
    this.#connection = readKubeconfig(kubeconfig).connection;
    this.#expected = expected;
    this.#client = new ApiClient(this.#connection);
    this.#running = Promise.all([this.#again(() => this.#onTheSame()), this.#again(() => this.#onANewOne())]);
  }

  /** Resolves once there were so many more requests. */
  async more(count = 10): Promise<void> {
    const wanted = this.requests + count;
    await eventually(() => this.requests >= wanted, { what: "more requests", timeoutMs: 20_000 });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#client.close();
  }

  async #again(request: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await request();
        this.requests += 1;
      } catch (error) {
        this.failures.push(describeError(error));
      }
      await systemClock.sleep(50);
    }
  }

  async #onTheSame(): Promise<void> {
    const { members } = await this.#client.json<MemberList>("GET", "/api/v1/members");
    const list = members.map(({ name, state }) => `${name} ${state}`).join(", ");
    if (this.#expected !== undefined && withoutSuspicion(list) !== this.#expected)
      throw new Error(`the list of members is ${list}`);
  }

  async #onANewOne(): Promise<void> {
    const { server, ca, cert, key } = this.#connection;
    const options = { ca: ca ?? "", cert: cert ?? "", key: key ?? "", agent: false } as const;
    await new Promise<void>((resolve, reject) => {
      const request = get(`${server}/api/v1/namespaces`, options, (response) => {
        response.resume().once("error", reject);
        response.once("end", () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
        );
      });
      request.once("error", reject);
    });
  }
}

export interface PeerLoadSeen {
  readonly connections: number;
  readonly failures: readonly string[];
  /** The different ones, where a question was put. */
  readonly answers: readonly string[];
}

/** Connections to members all the time, as the node of a data directory. */
export class PeerLoad {
  readonly #child: ChildProcess;
  #output = "";

  constructor(
    host: LabHost,
    {
      dataDir,
      hosts,
      env = {},
    }: {
      readonly dataDir: string;
      readonly hosts: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    },
  ) {
    const words = [process.execPath, join(import.meta.dirname, "peer-load.ts"), dataDir] as const;
    const [program, ...args] = words.map((word) => host.path(word));
    this.#child = host.spawn([program ?? "", ...args, ...hosts], { stdio: ["pipe", "pipe", "inherit"], env });
    this.#child.stdout?.on("data", (chunk) => (this.#output += String(chunk)));
  }

  async stop(): Promise<PeerLoadSeen> {
    const ended = once(this.#child, "close");
    this.#child.stdin?.end();
    await ended;
    return JSON.parse(this.#output) as PeerLoadSeen;
  }
}
