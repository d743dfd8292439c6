import { createInterface } from "node:readline";
import { silentLogger } from "../../../src/lib/log.ts";
import { MembershipClient } from "../../../src/membership/membership-client.ts";
import type { MembershipConfig } from "../../../src/membership/worker-messages.ts";

/**
 * A node of ours as a process of its own: configuration (JSON) as its argument, then one command a line on its input,
 * one answer a line on its output.
 */
interface Configuration extends Omit<MembershipConfig, "keys" | "meta"> {
  readonly keys: readonly string[];
  readonly meta?: string;
}

interface Command {
  readonly do: "join" | "list" | "leave" | "broadcast" | "meta" | "install-key" | "use-key" | "remove-key" | "heard";
  readonly value?: string;
}

const { keys, meta = "", ...rest } = JSON.parse(process.argv[2] ?? "{}") as Configuration;
const config: MembershipConfig = {
  ...rest,
  keys: keys.map((key) => Buffer.from(key, "base64")),
  meta: Buffer.from(meta),
};
const client = await MembershipClient.open({ log: silentLogger }, config);
const stop = new AbortController();
const ended = client.run(stop.signal);
const heard: string[] = [];
client.subscribe((report) => {
  if (report.kind === "user") heard.push(Buffer.from(report.payload).toString("base64"));
}, stop.signal);

function list(): object {
  return Object.fromEntries(
    client
      .members()
      .map(({ name, state, meta: bytes }) => [name, { state, meta: Buffer.from(bytes).toString("base64") }]),
  );
}

async function carryOut({ do: verb, value = "" }: Command): Promise<unknown> {
  const bytes = Buffer.from(value, "base64");
  if (verb === "join") return client.join([value]);
  if (verb === "list") return list();
  if (verb === "heard") return heard;
  if (verb === "leave") return client.leave();
  if (verb === "broadcast") return client.broadcast(bytes);
  if (verb === "meta") return client.updateMeta(Buffer.from(value));
  if (verb === "install-key") return client.installKey(bytes);
  if (verb === "use-key") return client.useKey(bytes);
  return client.removeKey(bytes);
}

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`${JSON.stringify({ value: (await carryOut(JSON.parse(line) as Command)) ?? null })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
stop.abort();
await ended;
