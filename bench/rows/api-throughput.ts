import { Agent, createServer, get, type Server, type ServerResponse } from "node:http";
import { eventually } from "../../test/poll.ts";
import type { AgentProcess } from "../../test/support/agent-process.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { benchPod, startBundledAgent } from "../support/node-under-test.ts";
import type { Bench, Result } from "../support/row.ts";

const PODS = 500;
const WATCHERS = 100;
const SECONDS = 5;

/** Lists and watches of 500 pods over plain HTTP, against a bare Node server that sends the same bytes from memory. */
export const apiThroughput: Bench = {
  name: "api",
  meaning: "list of 500 pods and watch fan-out to 100 watchers",
  run: async () => {
    const agent = await startBundledAgent(["--enable-ingress=false"]);
    const client = agent.client();
    try {
      // Pods of another scheduler stay Pending: only the API is measured.
      for (let at = 0; at < PODS; at += 50) {
        const names = Array.from({ length: 50 }, (_, offset) => `bench-${at + offset}`);
        await Promise.all(
          names.map((name) =>
            client.json("POST", "/api/v1/namespaces/default/pods", {
              body: benchPod(name, { schedulerName: "nobody" }),
            }),
          ),
        );
      }
      const list = await listRow(agent);
      return [list, await watchRow(agent)];
    } finally {
      client.close();
      await agent.stop();
    }
  },
};

function tokenOf(agent: AgentProcess): string {
  return readFileSync(join(agent.dataDir, "api-token"), "utf8").trim();
}

async function listRow(agent: AgentProcess): Promise<Result> {
  const url = `${agent.httpUrl}/api/v1/namespaces/default/pods`;
  const headers = { authorization: `Bearer ${tokenOf(agent)}` };
  const body = await fetchBytes(url, headers, new Agent());
  const ours = await requestsPerSecond(url, headers);
  const bare = await bareServer((_, answer) => answer.end(body));
  const limit = await requestsPerSecond(bare.url, {});
  await bare.close();
  return {
    row: `list of ${PODS} pods (${(body.length / 1e6).toFixed(2)} MB)`,
    unit: "/s",
    ours,
    reference: { name: "bare server, one buffer", value: limit },
  };
}

async function requestsPerSecond(url: string, headers: Record<string, string>): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let done = 0;
  const end = performance.now() + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() < end) {
        await fetchBytes(url, headers, agent);
        done++;
      }
    }),
  );
  agent.destroy();
  return done / SECONDS;
}

function fetchBytes(url: string, headers: Record<string, string>, agent: Agent): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`HTTP ${response.statusCode}`)),
      );
    }).once("error", reject);
  });
}

async function bareServer(
  handle: Parameters<typeof createServer>[1],
): Promise<{ url: string; server: Server; close: () => Promise<void> }> {
  const server = createServer(handle as never);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    server,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function watchRow(agent: AgentProcess): Promise<Result> {
  const client = agent.client();
  const { metadata } = await client.json<{ metadata: { resourceVersion: string } }>(
    "GET",
    "/api/v1/namespaces/default/pods",
    { query: { limit: "1" } },
  );
  const url = `${agent.httpUrl}/api/v1/namespaces/default/pods?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const watchers = await openWatchers(url, { authorization: `Bearer ${tokenOf(agent)}` });
  const start = performance.now();
  const end = start + SECONDS * 1000;
  let writes = 0;
  await Promise.all(
    Array.from({ length: 32 }, async (_, lane) => {
      for (let round = 0; performance.now() < end; round++) {
        const body = { metadata: { annotations: { round: String(round) } } };
        await client.json("PATCH", `/api/v1/namespaces/default/pods/bench-${lane}`, {
          body,
          contentType: "application/merge-patch+json",
        });
        writes++;
      }
    }),
  );
  await eventually(() => watchers.lines() >= writes * WATCHERS, {
    timeoutMs: 30_000,
    what: "every event at every watcher",
  });
  const ours = watchers.lines() / ((performance.now() - start) / 1000);
  watchers.close();
  client.close();
  return {
    row: `watch fan-out to ${WATCHERS} watchers`,
    unit: "events/s",
    ours,
    reference: { name: "bare server, one buffer", value: await bareFanOut(watchers.lastLine()) },
  };
}

async function openWatchers(
  url: string,
  headers: Record<string, string>,
): Promise<{ lines: () => number; lastLine: () => Buffer; close: () => void }> {
  const agent = new Agent();
  let lines = 0;
  let last: Buffer = Buffer.alloc(0);
  await Promise.all(
    Array.from(
      { length: WATCHERS },
      () =>
        new Promise<void>((resolve, reject) => {
          get(url, { headers, agent }, (response) => {
            if (response.statusCode !== 200) reject(new Error(`HTTP ${response.statusCode}`));
            response.on("data", (chunk: Buffer) => {
              last = chunk;
              for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++;
            });
            response.once("error", () => {}); // The bench itself cuts the watches off at its end.
            resolve();
          }).once("error", reject);
        }),
    ),
  );
  return { lines: () => lines, lastLine: () => last.subarray(0, last.indexOf(10) + 1), close: () => agent.destroy() };
}

/** The most that one Node process brings to as many connections when it has nothing else to do. */
async function bareFanOut(line: Buffer): Promise<number> {
  const answers: ServerResponse[] = [];
  const bare = await bareServer((_, answer) => {
    answer.writeHead(200);
    answer.flushHeaders();
    answers.push(answer);
  });
  const watchers = await openWatchers(bare.url, {});
  const start = performance.now();
  let sent = 0;
  while (performance.now() - start < SECONDS * 1000) {
    for (const answer of answers) answer.write(line);
    sent++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => watchers.lines() >= sent * WATCHERS, {
    timeoutMs: 30_000,
    what: "every line at every watcher",
  });
  const rate = watchers.lines() / ((performance.now() - start) / 1000);
  watchers.close();
  await bare.close();
  return rate;
}
