import { request } from "node:http";
import { runProgram } from "../lib/host/run-program.ts";
import { withoutSettings } from "../lib/host/without-settings.ts";
import type { AnchorPod, BridgeNetwork, PodmanNetworks } from "./podman-networks.ts";

/** The oldest version of the API that we speak: Podman 4.3 and later serve it. */
const API = "/v4.0.0/libpod";

/** Marks what we made, for cleaning up. */
const LABELS = { "io.podman-swarm.managed": "network" };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface InspectedNetwork {
  driver?: string;
  network_interface?: string;
  subnets?: { subnet?: string; gateway?: string }[];
}

export interface LibpodNetworksOptions {
  /** Podman's own program, for what its API does not offer. */
  readonly program?: string;
}

/** Drives Podman's REST API over its unix socket. */
export class LibpodNetworks implements PodmanNetworks {
  readonly #socket: string;
  readonly #program: string;

  constructor(socketPath: string, { program = "podman" }: LibpodNetworksOptions = {}) {
    this.#socket = socketPath;
    this.#program = program;
  }

  async ensureNetwork(network: BridgeNetwork, signal: AbortSignal): Promise<void> {
    const { name, bridge, subnet, gateway } = network;
    const found = await this.#call("GET", `/networks/${name}/json`, { signal });
    if (found.status === 200) return checkSame(network, found.body as InspectedNetwork);
    if (found.status !== 404) throw new Error(`Cannot look for Podman's network ${name}: ${explain(found)}`);
    const made = await this.#call("POST", "/networks/create", {
      signal,
      body: {
        name,
        driver: "bridge",
        network_interface: bridge,
        subnets: [{ subnet, gateway }],
        dns_enabled: false,
        // Other bridge networks of this Podman stay apart from the pods.
        options: { isolate: "true" },
        labels: LABELS,
      },
    });
    if (made.status >= 300) {
      // Also of another user's node that has ended: what it leaves may still have the range on this host.
      const said = explain(made);
      const fix = said.includes("already used") ? "; choose a range that is free on every host with --pod-cidr" : "";
      throw new Error(`Cannot make Podman's network ${name} (${subnet}): ${said}${fix}`);
    }
  }

  async ensureAnchor({ name, network, ip }: AnchorPod, signal: AbortSignal): Promise<{ readonly started: boolean }> {
    const found = await this.#call("GET", `/pods/${name}/json`, { signal });
    if (found.status !== 200 && found.status !== 404) {
      throw new Error(`Cannot look for the pod ${name}: ${explain(found)}`);
    }
    if (found.status === 404) {
      const made = await this.#call("POST", "/pods/create", {
        signal,
        body: {
          name,
          hostname: name,
          netns: { nsmode: "bridge" },
          networks: { [network]: { static_ips: [ip] } },
          Networks: { [network]: { static_ips: [ip] } },
          labels: LABELS,
        },
      });
      if (made.status >= 300) throw new Error(`Cannot make the pod ${name}: ${explain(made)}`);
    } else if ((found.body as { State?: string }).State === "Running") return { started: false };
    const started = await this.#call("POST", `/pods/${name}/start`, { signal });
    if (started.status >= 300 && started.status !== 304) {
      throw new Error(`Cannot start the pod ${name}, which keeps the pods' network in being: ${explain(started)}`);
    }
    return { started: started.status !== 304 };
  }

  async reattach(network: string, signal: AbortSignal): Promise<number> {
    const filters = encodeURIComponent(JSON.stringify({ network: [network], status: ["running"] }));
    const listed = await this.#call("GET", `/containers/json?filters=${filters}`, { signal });
    if (listed.status !== 200) throw new Error(`Cannot list the containers of ${network}: ${explain(listed)}`);
    const ids = (listed.body as { Id: string }[]).map(({ Id }) => Id);
    if (ids.length === 0) return 0;
    await runProgram([this.#program, "network", "reload", ...ids], { env: withoutSettings(process.env), signal });
    return ids.length;
  }

  #call(method: string, path: string, { body, signal }: { body?: unknown; signal: AbortSignal }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) };
      const call = request(
        { socketPath: this.#socket, method, path: `${API}${path}`, headers, agent: false, signal },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          response.on("error", reject);
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parse(text) }));
        },
      );
      call.on("error", (cause) => reject(new Error(`Cannot reach Podman at ${this.#socket}`, { cause })));
      call.end(payload);
    });
  }
}

function checkSame({ name, bridge, subnet, gateway }: BridgeNetwork, found: InspectedNetwork): void {
  const [first] = found.subnets ?? [];
  if (
    found.driver === "bridge" &&
    found.network_interface === bridge &&
    found.subnets?.length === 1 &&
    first?.subnet === subnet &&
    first.gateway === gateway
  ) {
    return;
  }
  throw new Error(
    `Cannot use Podman's network ${name}: it exists with the range ${first?.subnet ?? "of none"} on ` +
      `${found.network_interface ?? "no bridge"}, but ${subnet} on ${bridge} is wanted; start with the former --pod-cidr, ` +
      `or remove it with its pods: podman network rm -f ${name}`,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // not JSON: shown as it is
  }
}

function explain({ status, body }: Answer): string {
  const { message, cause, Errs } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const said = [message, cause, ...(Array.isArray(Errs) ? (Errs as unknown[]) : [])].filter(
    (part) => typeof part === "string",
  );
  return said[0] ?? (typeof body === "string" && body !== "" ? body.trim() : `HTTP ${status}`);
}
