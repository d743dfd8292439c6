import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { json } from "node:stream/consumers";

/** As much of Podman's REST API as the pod network uses, with answers as Podman 4.3 gives them. */
export class FakePodman {
  readonly networks = new Map<string, Record<string, unknown>>();
  readonly pods = new Map<string, { State: string }>();
  /** Ids of those that run on the network. */
  readonly containers: string[] = [];
  readonly calls: string[] = [];
  /** Of networks that are not in this Podman: on an interface of the host. */
  readonly usedSubnets = new Set<string>();
  /** Called when a pod starts, as Podman then makes its bridge. */
  onStart: () => Promise<void> = async () => {};
  #server: Server | undefined;

  async listen(socketPath: string): Promise<void> {
    this.#server = createServer((request, response) => {
      void (async () => {
        const [, , kind = "", name = "", action = ""] = (request.url ?? "").split("?")[0]!.split("/").slice(1);
        const body = request.method === "POST" && name === "create" ? ((await json(request)) as Json) : {};
        this.calls.push(`${request.method} ${kind}/${name}${action === "" ? "" : `/${action}`}`);
        const { status, answer } = await this.#answer(kind, name === "create" ? { create: body } : { name, action });
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
      })();
    }).listen(socketPath);
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async #answer(kind: string, asked: Asked): Promise<{ status: number; answer: unknown }> {
    if (kind === "containers") return { status: 200, answer: this.containers.map((Id) => ({ Id })) };
    if ("create" in asked) {
      const name = String(asked.create["name"]);
      const [wanted] = (asked.create["subnets"] ?? []) as { subnet: string }[];
      if (wanted !== undefined && this.usedSubnets.has(wanted.subnet)) {
        const message = `subnet ${wanted.subnet} is already used on the host or by another config`;
        return { status: 500, answer: { cause: message, message, response: 500 } };
      }
      if (kind === "networks") this.networks.set(name, asked.create);
      else this.pods.set(name, { State: "Created" });
      return { status: kind === "networks" ? 200 : 201, answer: asked.create };
    }
    const found = kind === "networks" ? this.networks.get(asked.name) : this.pods.get(asked.name);
    if (found === undefined)
      return { status: 404, answer: { cause: "no such object", message: `no such ${kind}`, response: 404 } };
    if (asked.action === "json") return { status: 200, answer: found };
    const pod = found as { State: string };
    if (pod.State === "Running") return { status: 304, answer: {} };
    pod.State = "Running";
    await this.onStart();
    return { status: 200, answer: { Id: asked.name, Errs: [] } };
  }
}

type Json = Record<string, unknown>;
type Asked = { create: Json } | { name: string; action: string };
