/**
 * Requests a second through our ingress against the same requests sent to the upstream directly and through the least
 * proxy that node:http can be, in the same run. Each server is a child process of its own; with three of them busy on
 * two cores a proxied rate is at most about two thirds of the direct one. `node bench/ingress.ts [seconds]`.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool } from "undici";
import { IngressServer } from "../src/ingress/ingress-server.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silentLogger } from "../src/lib/log.ts";
import { systemRandom } from "../src/lib/random.ts";

const CLIENTS = 32;
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

interface Measured {
  readonly rate: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

async function measure(port: number, path: string, seconds: number): Promise<Measured> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CLIENTS, pipelining: 1 });
  const times: number[] = [];
  const started = systemClock.monotonic();
  const end = started + seconds * 1000;
  const client = async (): Promise<void> => {
    while (systemClock.monotonic() < end) {
      const before = systemClock.monotonic();
      const { statusCode, body } = await pool.request({ path, method: "GET", headers: { host: "h250.test" } });
      if (statusCode !== 200) throw new Error(`Cannot measure: the answer was ${statusCode}`);
      await body.dump({ limit: LARGE_BYTES * 2 });
      times.push(systemClock.monotonic() - before);
    }
  };
  await Promise.all(Array.from({ length: path === "/large" ? 4 : CLIENTS }, client));
  const elapsed = systemClock.monotonic() - started;
  await pool.close();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { rate: (times.length / elapsed) * 1000, medianMs: at(0.5), p99Ms: at(0.99) };
}

async function child(role: string, ...rest: string[]): Promise<{ process: ChildProcess; port: number }> {
  const process = fork(import.meta.filename, [role, ...rest]);
  const [{ port }] = (await once(process, "message")) as [{ port: number }];
  return { process, port };
}

async function main(seconds: number): Promise<void> {
  const upstream = await child("upstream");
  const ingress = await child("ingress", String(upstream.port));
  const least = await child("least", String(upstream.port));
  for (const path of ["/", "/large"]) {
    const measured = {
      direct: await measure(upstream.port, path, seconds),
      "through the least proxy": await measure(least.port, path, seconds),
      "through the ingress": await measure(ingress.port, path, seconds),
    };
    const what = path === "/" ? "small answers" : "1 MiB answers";
    for (const [name, { rate, medianMs, p99Ms }] of Object.entries(measured)) {
      const times = `median ${medianMs.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
      const share = (rate / measured.direct.rate).toFixed(2);
      console.log(`ingress: ${what}, ${name}: ${Math.round(rate)} requests/s (${share} of direct), ${times}`);
    }
  }
  least.process.kill();
  ingress.process.kill();
  upstream.process.kill();
}

const [role, argument] = process.argv.slice(2);
if (role === "upstream") await serveUpstream();
else if (role === "least") await serveLeastProxy(Number(argument));
else if (role === "ingress") await serveIngress(Number(argument));
else await main(Number(role ?? 2));
