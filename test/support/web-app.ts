import { get, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { Deployment } from "../../src/api/kinds.ts";
import type { ApiClient } from "../../src/client/api-client.ts";
import { eventually } from "../poll.ts";
import type { AgentProcess } from "./agent-process.ts";

const HOST = "web.test";

/** A Deployment, a Service and an Ingress of the demo image, and what a user sees of them. */
export class WebApp {
  readonly #agent: AgentProcess;
  readonly #client: ApiClient;

  private constructor(agent: AgentProcess, client: ApiClient) {
    this.#agent = agent;
    this.#client = client;
  }

  /** Applies the three and waits until the ingress answers. */
  static async deploy(agent: AgentProcess, client: ApiClient, replicas = 2): Promise<WebApp> {
    const app = new WebApp(agent, client);
    const labels = { app: "web" };
    const container = {
      name: "web",
      image: "localhost/podman-swarm/demo:1",
      ports: [{ name: "http", containerPort: 8080 }],
      readinessProbe: { httpGet: { path: "/healthz", port: "http" }, periodSeconds: 1 },
    };
    await client.json("POST", "/apis/apps/v1/namespaces/default/deployments", {
      body: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web" },
        spec: {
          replicas,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } },
        },
      },
    });
    await client.json("POST", "/api/v1/namespaces/default/services", {
      body: {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { selector: labels, ports: [{ port: 80, targetPort: "http" }] },
      },
    });
    const backend = { service: { name: "web", port: { number: 80 } } };
    await client.json("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", {
      body: {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata: { name: "web" },
        spec: { rules: [{ host: HOST, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] },
      },
    });
    await app.ready(replicas);
    return app;
  }

  /** Resolves when this many replicas are available and the ingress answers from one. */
  async ready(replicas: number): Promise<void> {
    const check = async (): Promise<boolean> => {
      const { status } = await this.#client.json<Deployment>("GET", "/apis/apps/v1/namespaces/default/deployments/web");
      return (status?.availableReplicas ?? 0) === replicas && (await this.fetch()).includes("Hello from");
    };
    await eventually(check, { timeoutMs: 120_000, everyMs: 100, what: `${replicas} replicas behind the ingress` });
  }

  /** The page through the ingress; throws for anything but 200. */
  async fetch(): Promise<string> {
    // node:http, because fetch does not let its caller choose the Host header.
    const options = {
      port: this.#agent.ingressPort,
      path: "/cgi-bin/index.cgi",
      headers: { host: HOST },
      agent: false,
      timeout: 20_000,
    } as const;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = get(options, resolve).once("error", reject);
      request.once("timeout", () => request.destroy(new Error("the ingress does not answer")));
    });
    const page = await text(answer);
    if (answer.statusCode !== 200) throw new Error(`Cannot get the page: HTTP ${answer.statusCode}: ${page}`);
    return page;
  }

  /** The pods' names with container ids and restart counts: what must not change when something else dies. */
  async containers(): Promise<string[]> {
    const { items } = await this.#client.json<{
      items: {
        metadata: { name: string };
        status: { containerStatuses?: { containerID?: string; restartCount: number }[] };
      }[];
    }>("GET", "/api/v1/namespaces/default/pods", { query: { labelSelector: "app=web" } });
    return items
      .map(
        ({ metadata, status }) =>
          `${metadata.name} ${status.containerStatuses?.[0]?.containerID} ${status.containerStatuses?.[0]?.restartCount}`,
      )
      .toSorted();
  }

  /** Deletes the three and waits until the pods are gone. */
  async remove(): Promise<void> {
    const body = { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Background" };
    await this.#client.json("DELETE", "/apis/networking.k8s.io/v1/namespaces/default/ingresses/web", { body });
    await this.#client.json("DELETE", "/api/v1/namespaces/default/services/web", { body });
    await this.#client.json("DELETE", "/apis/apps/v1/namespaces/default/deployments/web", { body });
    const gone = async (): Promise<boolean> =>
      (
        await this.#client.json<{ items: unknown[] }>("GET", "/api/v1/namespaces/default/pods", {
          query: { labelSelector: "app=web" },
        })
      ).items.length === 0;
    await eventually(gone, { timeoutMs: 120_000, everyMs: 100, what: "no pods" });
  }
}
