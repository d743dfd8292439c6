import { createSocket } from "node:dgram";
import { once } from "node:events";
import { encode } from "dns-packet";
import { systemClock } from "../../src/lib/clock.ts";
import { startChild } from "../support/child.ts";
import { serviceLabel, SERVICES } from "../support/dns-names.ts";
import type { Bench } from "../support/row.ts";

const WINDOW = 64;
const SECONDS = 2;
const CHILDREN = new URL("../support/dns-children.ts", import.meta.url);

/** Against a bare UDP echo that answers with as many bytes; both in a process of their own. */
export const dns: Bench = {
  name: "dns",
  meaning: "answers of the pods' DNS against a bare UDP echo",
  run: async () => {
    const [server, echo] = await Promise.all([startChild(CHILDREN, "dns"), startChild(CHILDREN, "echo")]);
    try {
      const hot = Array.from({ length: SERVICES }, (_, at) =>
        query(at, `${serviceLabel(at)}.default.svc.cluster.local`),
      );
      const absent = Array.from({ length: 20_000 }, (_, at) =>
        query(at, `n${at}.example.com.default.svc.cluster.local`),
      );
      const before = await measure(echo.port, hot);
      const rates = {
        "DNS: service names": await measure(server.port, hot),
        "DNS: absent names (search domains)": await measure(server.port, absent),
        "DNS: one name from the cache": await measure(server.port, [query(1, "example.com")]),
      };
      const value = Math.max(before, await measure(echo.port, hot));
      return Object.entries(rates).map(([row, ours]) => ({
        row,
        unit: "/s",
        ours,
        reference: { name: "bare UDP echo", value },
      }));
    } finally {
      server.stop();
      echo.stop();
    }
  },
};

function query(id: number, name: string): Buffer {
  return encode({ type: "query", id, flags: 0x100, questions: [{ type: "A", name }] });
}

/** Keeps WINDOW queries in flight for a while; answers a second. */
async function measure(port: number, queries: readonly Buffer[]): Promise<number> {
  const socket = createSocket("udp4");
  const connected = once(socket, "connect");
  socket.connect(port, "127.0.0.1");
  await connected;
  let answers = 0;
  let next = 0;
  const send = (): void => socket.send(queries[next++ % queries.length]!);
  socket.on("message", () => {
    answers += 1;
    send();
  });
  const started = systemClock.monotonic();
  for (let index = 0; index < WINDOW; index++) send();
  await systemClock.sleep(SECONDS * 1000);
  const rate = (answers / (systemClock.monotonic() - started)) * 1000;
  socket.close();
  return rate;
}
