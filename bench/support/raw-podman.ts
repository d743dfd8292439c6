import { Agent, request } from "node:http";

/** The libpod calls that a pod of one container needs, bare: what there is to win against. */
export class RawPodman {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #image: string;

  constructor(socketPath: string, image: string) {
    this.#socketPath = socketPath;
    this.#image = image;
  }

  /** Creates a pod, its sandbox and its container, and starts them; resolves when the container runs. */
  async startPod(name: string): Promise<void> {
    const pod = await this.#call<{ Id: string }>("POST", "/pods/create", { name, netns: { nsmode: "bridge" } });
    const container = await this.#call<{ Id: string }>("POST", "/containers/create", {
      name: `${name}-main`,
      pod: pod.Id,
      image: this.#image,
      command: ["sleep", "3600"],
      labels: { bench: "raw" },
    });
    await this.#call("POST", `/pods/${pod.Id}/start`);
    const state = await this.#call<{ State: { Running: boolean } }>("GET", `/containers/${container.Id}/json`);
    if (!state.State.Running) throw new Error(`Cannot start ${name}: its container does not run`);
  }

  async removePod(name: string): Promise<void> {
    await this.#call("POST", `/pods/${name}/kill`);
    await this.#call("DELETE", `/pods/${name}?force=true`);
  }

  close(): void {
    this.#agent.destroy();
  }

  #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socketPath,
          agent: this.#agent,
          method,
          path: `/v4.0.0/libpod${path}`,
          headers: { "content-type": "application/json" },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if ((response.statusCode ?? 500) >= 400) reject(new Error(`Cannot ${method} ${path}: ${text}`));
            else resolve((text === "" ? undefined : JSON.parse(text)) as T);
          });
        },
      );
      outgoing.once("error", reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
