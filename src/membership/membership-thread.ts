import { parentPort, workerData } from "node:worker_threads";
import { collectAfterStart } from "../lib/collect-after-start.ts";
import { createLogger, describeError } from "../lib/log.ts";
import { MembershipNode } from "./membership-node.ts";
import { NetworkTransport } from "./network/network-transport.ts";
import { addressBytes } from "./protocol/member.ts";
import { LAN_SETTINGS, type Settings } from "./protocol/settings.ts";
import { EMPTY } from "./wire/msgpack-reader.ts";
import { Keyring } from "./wire/keyring.ts";
import type { SealOptions } from "./wire/seal-options.ts";
import type { Call, MembershipConfig, WorkerAnswer, WorkerRequest } from "./worker-messages.ts";

/**
 * Membership in a thread of its own, so that neither a slow disk nor a busy main thread looks like a dead node. Its
 * streams are accepted by the main thread, since a socket cannot change threads and TLS on the same port belongs
 * there; packets, which say who is alive, come here directly.
 */
const port = parentPort;
if (!port) throw new Error("Cannot run the membership's worker: it is not a worker thread");
const config = workerData as MembershipConfig;
const log = createLogger({ level: config.logLevel ?? "info" }).with({ thread: "membership" });
const stop = new AbortController();
const answer = (message: WorkerAnswer): void => port.postMessage(message);

function settings(): Settings {
  const { name, bind, advertise, meta, delegate, protocolVersion, tuning } = config;
  return {
    ...LAN_SETTINGS,
    ...tuning,
    name,
    addr: addressBytes(advertise?.host ?? bind.host),
    port: advertise?.port ?? bind.port,
    meta: meta ? Buffer.from(meta) : EMPTY,
    delegate: delegate ?? LAN_SETTINGS.delegate,
    protocolVersion: protocolVersion ?? LAN_SETTINGS.protocolVersion,
  };
}

function seal(): SealOptions {
  const { keys = [], label = "", compression = true, verifyIncoming = true, verifyOutgoing = true } = config;
  const protocolVersion = config.protocolVersion ?? LAN_SETTINGS.protocolVersion;
  return { keyring: new Keyring(keys), label, compression, protocolVersion, verifyIncoming, verifyOutgoing };
}

async function carryOut(node: MembershipNode, call: Call): Promise<unknown> {
  switch (call.kind) {
    case "join":
      return node.join(call.to);
    case "leave":
      return node.leave(stop.signal);
    case "force-leave":
      return node.forceLeave(call.name);
    case "meta":
      return node.setMeta(call.meta);
    case "broadcast":
      return node.broadcast(call.payload);
    case "send":
      return node.send(call.to, call.payload, { reliable: call.reliable });
    case "install-key":
      return node.installKey(call.key);
    case "use-key":
      return node.useKey(call.key);
    case "remove-key":
      return node.removeKey(call.key);
    case "metrics":
      return node.metrics();
    case "frame":
      return node.frame(Buffer.from(call.frame), call.from);
    case "stop":
      return stop.abort(new Error("membership stops"));
  }
}

async function serve(): Promise<void> {
  let transport: NetworkTransport;
  try {
    transport = await NetworkTransport.open({ log }, { ...config.bind, streams: "elsewhere" });
  } catch (error) {
    const portTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    answer({ kind: "not-ready", why: describeError(error), portTaken });
    return;
  }
  const onReport = (report: Extract<WorkerAnswer, { kind: "report" }>["report"]): void =>
    answer({ kind: "report", report });
  const node = new MembershipNode({ transport, log }, { settings: settings(), seal: seal(), onReport });
  const ended = node.run(stop.signal);
  port?.on("message", ({ id, call }: WorkerRequest) => {
    carryOut(node, call).then(
      (value) => answer({ kind: "done", id, value }),
      (error: unknown) => answer({ kind: "failed", id, why: describeError(error) }),
    );
  });
  answer({ kind: "ready", members: node.members() });
  collectAfterStart();
  await ended;
}

// A failure reaches the main thread as the worker's error, which ends the membership there.
void serve().then(() => port.close());
