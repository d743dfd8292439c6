import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { eventually } from "../../test/poll.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { ClusterAuthority } from "../security/certificates/cluster-authority.ts";
import { ClientConnections } from "./client-connections.ts";

test("whoever is distrusted while a change is made hears how it ended; others have no longer than 15 seconds", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "client-connections-test-"));
  t.after(() => rm(directory, { recursive: true }));
  const authority = await ClusterAuthority.open({ directory, clock: systemClock });
  const timers: { readonly ms: number; readonly run: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    timer: (ms, run) => {
      timers.push({ ms, run });
      return () => {};
    },
  };
  const ca = authority.certificate;
  const own = authority.issue({ usage: "server", commonName: "test", altNames: ["IP:127.0.0.1"], days: 1 });
  const server = createServer({ ca, cert: own.certificate, key: own.key, requestCert: true });
  const answers = new Map<string, ServerResponse>();
  const connections = new ClientConnections(server, {
    clock,
    serve: (request, response) => void answers.set(request.url ?? "", response),
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { certificate: cert, key } = authority.issue({ usage: "client", commonName: "me", days: 1 });
  const { port } = server.address() as AddressInfo;
  const ask = (request: string) => {
    const seen = { text: "", closed: false };
    const socket = connect({ host: "127.0.0.1", port, ca, cert, key, checkServerIdentity: () => undefined });
    socket.on("data", (chunk) => (seen.text += String(chunk)));
    socket.on("error", () => {}); // that it ends is what is looked at
    socket.on("close", () => (seen.closed = true));
    socket.write(request);
    return seen;
  };
  const watch = ask("GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
  const half = ask("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{");
  const change = ask("POST /change HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}");
  await eventually(() => answers.size === 3, { what: "three requests" });

  connections.drop({ distrusted: [ca], atOnce: true });
  for (const { ms, run } of timers) if (ms <= 15_000) run();
  await eventually(() => watch.closed && half.closed, { what: "the end of the others" });
  assert.equal(change.closed, false);
  answers.get("/change")?.end("done");
  await eventually(() => change.closed, { what: "the end of the connection" });
  assert.match(change.text, /done/);
});
