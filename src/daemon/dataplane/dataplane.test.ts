import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { eventually } from "../../../test/poll.ts";
import { receivedText } from "../../../test/received-text.ts";
import { systemClock } from "../../lib/clock.ts";
import { createLogger, silentLogger } from "../../lib/log.ts";
import type { ProbeCheck } from "../../runtime/ports.ts";
import { DataplaneClient } from "./client.ts";
import { ControlServer } from "./control-server.ts";
import { encodeFrame } from "./frames.ts";
import { probeGrpc } from "./grpc-probe.ts";
import { LimitedProber } from "./prober.ts";
import type { DataplaneState } from "./protocol.ts";

const directory = mkdtempSync(join(tmpdir(), "podman-swarm-dataplane-"));
const path = join(directory, "control.sock");
const deps = { clock: systemClock, logger: silentLogger };
const stopClient = new AbortController();
const client = new DataplaneClient(deps, { path, retryMs: 20 });
const servers: Server[] = [];
const never = new AbortController().signal;
let clientRun: Promise<void>;

interface Running {
  applied: DataplaneState[];
  stop(): Promise<void>;
}
let dataplane: Running;

function startDataplane(apply: (state: DataplaneState) => void = () => {}): Running {
  const applied: DataplaneState[] = [];
  const stop = new AbortController();
  const server = new ControlServer({
    ...deps,
    prober: new LimitedProber(deps, { limit: 4 }),
    apply: (state) => {
      apply(state);
      applied.push(state);
    },
    restart: () => stop.abort(),
  });
  rmSync(path, { force: true });
  const listen = (on: Server): Promise<void> => new Promise((resolve) => on.listen(path, resolve));
  const run = server.run(listen, stop.signal);
  return {
    applied,
    stop: async () => {
      stop.abort();
      await run;
    },
  };
}

async function listening<T extends Server | Http2Server>(server: T): Promise<number> {
  servers.push(server as Server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

before(async () => {
  dataplane = startDataplane();
  clientRun = client.run(stopClient.signal);
  await eventually(() => client.pid);
});

after(async () => {
  stopClient.abort();
  await clientRun;
  await dataplane.stop();
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

const dns = (services: Record<string, string[]>): DataplaneState => ({
  dns: {
    listen: [{ host: "127.0.0.1", port: 10053 }],
    snapshot: {
      domain: "cluster.local",
      ttl: 5,
      services: Object.fromEntries(
        Object.entries(services).map(([name, addresses]) => [name, { type: "virtual", addresses, ports: [] }]),
      ),
      ranges: [],
      servers: [],
      upstreams: [],
    },
  },
});

test("the state is sent whole first and then as changes, and arrives equal", async () => {
  const states = [
    dns({ "a/x": ["10.62.0.1"] }),
    dns({ "a/x": ["10.62.0.2"], "a/__proto__": ["10.62.0.3"] }),
    dns({ "a/y": ["10.62.0.2"] }),
    {},
    dns({}),
  ];
  for (const state of states) {
    client.publish(state, new Set());
    await eventually(() => client.isCurrent);
    assert.deepEqual(dataplane.applied.at(-1), state);
  }
});

test("a dataplane that was restarted gets the whole state again", async () => {
  const state = dns({ "b/x": ["10.62.0.9"] });
  client.publish(state, new Set());
  await eventually(() => client.isCurrent);
  await dataplane.stop();
  await eventually(() => client.pid === undefined);
  dataplane = startDataplane();
  await eventually(() => client.isCurrent);
  assert.deepEqual(dataplane.applied, [state]);
});

test("an address is drained when a state without it was applied, not before", async () => {
  client.publish(dns({ "c/x": ["10.62.0.7"] }), new Set(["10.62.0.7"]));
  await eventually(() => client.isCurrent);
  const began = systemClock.monotonic();
  await client.drained("10.62.0.7", 100);
  assert.ok(systemClock.monotonic() - began >= 95, "waits as long as it is in use");
  const drained = client.drained("10.62.0.7", 60_000);
  client.publish(dns({}), new Set());
  await drained;
  assert.equal(client.isCurrent, true);
});

test("an agent that starts beside a dataplane takes no address for drained before that has its state", async () => {
  const fresh = new DataplaneClient(deps, { path, retryMs: 20 });
  const waits = async (why: string): Promise<void> => {
    const began = systemClock.monotonic();
    await fresh.drained("10.62.0.7", 100);
    assert.ok(systemClock.monotonic() - began >= 95, why);
  };
  await waits("it does not know yet what is wanted");
  fresh.publish(dns({}), new Set());
  await waits("the dataplane has what the agent before wanted");
  const stop = new AbortController();
  const running = fresh.run(stop.signal);
  await fresh.drained("10.62.0.7", 60_000);
  assert.equal(fresh.isCurrent, true);
  stop.abort();
  await running;
});

test("nonsense on the socket closes that connection and nothing else", async () => {
  const huge = Buffer.alloc(8, 0xff);
  const bad = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    huge,
    Buffer.from([0, 0, 0, 1, 0x7b]),
    ...[
      null,
      5,
      [],
      { type: "x" },
      { type: "probe", check: 1 },
      { type: "change", seq: 1, changes: [{ path: [1] }] },
    ].map(encodeFrame),
    encodeFrame({ type: "hello", version: 99 }),
  ];
  for (const bytes of bad) {
    const socket = connect(path);
    socket.write(bytes);
    const answer = await text(socket);
    assert.equal(answer, "", bytes.toString());
  }
  assert.ok(client.pid !== undefined);
});

test("a dial passes bytes both ways through half-closes, and tells why it was refused", async () => {
  const port = await listening(
    createServer(
      { allowHalfOpen: true },
      (socket) => void receivedText(socket).then((all) => socket.end(all.toUpperCase())),
    ),
  );
  const connection = await client.dial("127.0.0.1", port);
  connection.end("hello ".repeat(50_000));
  assert.equal(await text(connection), "HELLO ".repeat(50_000));
  await assert.rejects(client.dial("127.0.0.1", 1), (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED");
});

test("who half-closes a dial and goes later takes the connection to the pod with it", async () => {
  let received = 0;
  const gone = Promise.withResolvers<void>();
  const port = await listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      // It has more and more to say, and never ends by itself.
      const talk = (error?: Error | null): void => {
        if (!error) socket.write("more ".repeat(1000), talk);
      };
      talk();
      socket.on("data", (chunk: Buffer) => (received += chunk.length));
      socket.on("error", () => {}).on("close", () => gone.resolve());
    }),
  );
  const connection = await client.dial("127.0.0.1", port);
  connection.end("x".repeat(300_000));
  connection.resume();
  await eventually(() => received === 300_000);
  connection.destroy();
  await gone.promise;
});

async function httpTarget(): Promise<number> {
  return listening(
    createHttpServer((request, response) => {
      if (request.url === "/hang") return;
      if (request.url === "/moved") response.writeHead(302, { location: "/final" }).end();
      else if (request.url === "/away") response.writeHead(302, { location: "http://other.example/" }).end();
      else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else if (request.url === "/final") response.end("ok");
      else if (request.url === "/endless") {
        const more = (): void =>
          void (response.write("x".repeat(65_536)) ? setImmediate(more) : response.once("drain", more));
        more();
      } else if (request.url === "/header") response.writeHead(request.headers["x-a"] === "b" ? 200 : 400).end();
      else response.writeHead(503).end("not yet\n<p>and more</p>\n");
    }),
  );
}

test("HTTP probes judge by status, follow redirects on the same host and end in time", async () => {
  const port = await httpTarget();
  const cases: readonly (readonly [path: string, ok: boolean, message: RegExp])[] = [
    ["/final", true, /answered 200/],
    ["/moved", true, /\/final answered 200/],
    ["/away", true, /answered 302, to other\.example/],
    ["/loop", false, /redirected more than 10 times/],
    ["/endless", true, /answered 200/],
    ["header", true, /answered 200/],
    ["/other", false, /\/other answered 503: not yet$/],
    ["/hang", false, /http probe of 127\.0\.0\.1:\d+: no answer within 0\.2 s/],
  ];
  await Promise.all(
    cases.map(async ([probed, ok, message]) => {
      const check: ProbeCheck = {
        type: "http",
        host: "127.0.0.1",
        port,
        path: probed,
        https: false,
        headers: [{ name: "X-A", value: "b" }],
      };
      const result = await client.probe(check, probed === "/hang" ? 200 : 60_000, never);
      assert.equal(result.ok, ok, probed);
      assert.match(result.message, message);
    }),
  );
});

test("TCP probes connect", async () => {
  const port = await listening(createServer((socket) => socket.destroy()));
  const ask = (at: number) => client.probe({ type: "tcp", host: "127.0.0.1", port: at }, 60_000, never);
  assert.equal((await ask(port)).ok, true);
  assert.match((await ask(1)).message, /ECONNREFUSED/);
});

test("gRPC probes ask the health service by name", async () => {
  const server = createHttp2Server();
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const name = Buffer.concat(chunks).subarray(7).toString();
      const known = headers[":path"] === "/grpc.health.v1.Health/Check" && ["", "up", "down"].includes(name);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () =>
        stream.sendTrailers({ "grpc-status": known ? "0" : "5", "grpc-message": "unknown" }),
      );
      stream.end(known ? Buffer.from([0, 0, 0, 0, 2, 8, name === "down" ? 2 : 1]) : undefined);
    });
  });
  const port = await listening(server);
  const ask = (service: string) => client.probe({ type: "grpc", host: "127.0.0.1", port, service }, 60_000, never);
  assert.deepEqual(await ask(""), { ok: true, message: "the service is SERVING" });
  assert.deepEqual(await ask("up"), { ok: true, message: "the service is SERVING" });
  assert.deepEqual(await ask("down"), { ok: false, message: "the service is NOT_SERVING" });
  assert.deepEqual(await ask("x"), { ok: false, message: "gRPC status 5: unknown" });
});

test("a gRPC probe that is given up before it has begun ends", async () => {
  const port = await listening(createServer());
  const stop = new AbortController();
  const probe = probeGrpc({ host: "127.0.0.1", port, service: "" }, stop.signal);
  stop.abort(new Error("given up"));
  await assert.rejects(probe, /given up/);
});

test("a probe cannot be run while there is no dataplane, and says so", async () => {
  await dataplane.stop();
  await eventually(() => client.pid === undefined);
  await assert.rejects(
    client.probe({ type: "tcp", host: "127.0.0.1", port: 1 }, 50, never),
    /Cannot run the probe: the dataplane process is not there/,
  );
  dataplane = startDataplane();
  await eventually(() => client.pid);
});

test("a state that cannot be applied is answered, and later ones still are", async () => {
  await dataplane.stop();
  dataplane = startDataplane((state) => {
    if (state.ingress !== undefined) throw new Error("bad");
  });
  client.publish({ ingress: { rules: [], backends: {}, certificates: [] } }, new Set());
  client.publish(dns({}), new Set());
  await eventually(() => client.isCurrent);
  assert.deepEqual(dataplane.applied, [dns({})]);
});

test("a dataplane that takes the connection and does not answer is given up, and said so", async () => {
  const silent = join(directory, "silent.sock");
  const connections: string[] = [];
  const server = createServer((socket) => {
    socket.on("data", () => {});
    socket.on("error", () => {});
    connections.push("one more");
  });
  await new Promise<void>((resolve) => server.listen(silent, resolve));
  let log = "";
  const logger = createLogger({ write: (line) => void (log += line) });
  const stop = new AbortController();
  const impatient = new DataplaneClient({ ...deps, logger }, { path: silent, retryMs: 1, welcomeMs: 30 });
  const running = impatient.run(stop.signal);
  try {
    await eventually(() => connections.length > 1, { what: "a second connection" });
    assert.match(log, /The dataplane process does not answer, connecting again/);
  } finally {
    stop.abort();
    await running;
    server.close();
  }
});
