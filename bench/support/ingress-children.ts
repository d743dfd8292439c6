import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { IngressServer } from "../../src/ingress/ingress-server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { systemRandom } from "../../src/lib/random.ts";

// The servers of the ingress bench, each in a process of its own.
const LARGE_BYTES = 1024 * 1024;

async function serveUpstream(): Promise<void> {
  const small = Buffer.from("hello from the upstream\n");
  const large = Buffer.alloc(LARGE_BYTES);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const body = request.url === "/large" ? large : small;
    response.writeHead(200, { "content-type": "text/plain", "content-length": body.length }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.({ port: (server.address() as AddressInfo).port });
}

async function serveLeastProxy(port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    const outgoing = httpRequest({ port, agent, path: request.url, method: request.method, headers: request.headers });
    outgoing.on("response", (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(outgoing);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  process.send?.({ port: (server.address() as AddressInfo).port });
}

async function serveIngress(port: number): Promise<void> {
  const server = new IngressServer(
    { clock: systemClock, random: systemRandom, log: silentLogger },
    { http: { host: "127.0.0.1", port: 0 }, onListening: ({ http }) => process.send?.({ port: http }) },
  );
  const rules = Array.from({ length: 500 }, (_, index) => ({
    host: `h${index}.test`,
    type: "Prefix" as const,
    path: "/",
    backend: "default/web:80",
    redirect: false,
  }));
  server.apply({
    rules,
    backends: { "default/web:80": { endpoints: [{ address: "127.0.0.1", port, local: true }] } },
    certificates: [],
  });
  await server.run(new AbortController().signal);
}

const [role, port] = process.argv.slice(2);
if (role === "upstream") await serveUpstream();
else if (role === "least") await serveLeastProxy(Number(port));
else await serveIngress(Number(port));
