import { chmodSync, rmSync } from "node:fs";
import dgram from "node:dgram";
import net, { isIPv6 } from "node:net";
import { getSystemErrorName } from "node:util";
import type { SocketSpec } from "./socket-spec.ts";

/**
 * A bound socket on which nobody listens yet. Only ever sent to a child process and closed.
 *
 * Node's documented ways to bind (`server.listen`, `socket.bind`) also start to accept and receive, so a parent that only
 * wants to hold a socket would steal traffic from the child that serves it. Node's own cluster module has the same need
 * and uses what is below, which can be reached but is not documented; it is looked for before use, and this file with
 * its test is the only place that knows it.
 */
export interface BoundHandle {
  readonly fd: number;
  close(): void;
}

interface RawHandle extends BoundHandle {
  getsockname?(out: { address?: string; port?: number }): number;
}

type CreateServer = (address: string, port: number, addressType: number) => RawHandle | number;

/** `code` is the system's: EADDRINUSE, EACCES, EADDRNOTAVAIL, ... */
export class BindError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.name = "BindError";
    this.code = code;
  }
}

/** Throws `BindError` when the system refuses. */
export function bindHandle(spec: SocketSpec): BoundHandle {
  if (spec.kind === "unix") return bindUnix(spec.path);
  const family = isIPv6(spec.host) ? 6 : 4;
  const handle = unwrap(spec.kind === "tcp" ? createServer()(spec.host, spec.port, family) : bindUdp(spec, family));
  // libuv keeps EADDRINUSE back until listen(): a socket that has no port was not bound.
  const port = boundPort(handle);
  if (port === 0 || (spec.port !== 0 && port !== spec.port)) {
    handle.close();
    throw new BindError("EADDRINUSE");
  }
  return handle;
}

/** The port of a TCP or UDP socket; 0 when it is not bound. */
export function boundPort(handle: BoundHandle): number {
  const bound: { port?: number } = {};
  const failed = (handle as RawHandle).getsockname?.(bound) ?? 0;
  return failed === 0 ? (bound.port ?? 0) : 0;
}

function bindUnix(path: string): BoundHandle {
  rmSync(path, { force: true });
  const before = process.umask(0o177);
  try {
    const handle = unwrap(createServer()(path, -1, -1));
    chmodSync(path, 0o600);
    return handle;
  } finally {
    process.umask(before);
  }
}

function unwrap(result: RawHandle | number): RawHandle {
  if (typeof result !== "number") return result;
  throw new BindError(getSystemErrorName(result));
}

function createServer(): CreateServer {
  return internal(net, "_createServerHandle") as CreateServer;
}

/** Node 26 has no way to make a handle alone, so it is taken out of a socket that serves nothing. */
function bindUdp({ host, port }: { host: string; port: number }, family: 4 | 6): RawHandle | number {
  const socket = dgram.createSocket(`udp${family}`);
  const state = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
  const { handle } = ((socket as unknown as Record<symbol, unknown>)[state ?? Symbol()] ?? {}) as {
    handle?: UdpHandle;
  };
  if (handle === undefined)
    throw new Error(`Cannot hold sockets: Node ${process.version} keeps them elsewhere; use Node 24 or 26`);
  const failed = family === 6 ? handle.bind6(host, port, 0) : handle.bind(host, port, 0);
  if (failed !== 0) handle.close();
  return failed === 0 ? handle : failed;
}

interface UdpHandle extends RawHandle {
  bind(host: string, port: number, flags: number): number;
  bind6(host: string, port: number, flags: number): number;
}

function internal(module: object, name: string): unknown {
  const found = (module as Record<string, unknown>)[name];
  if (typeof found === "function") return found;
  throw new Error(`Cannot hold sockets: Node ${process.version} has no ${name}; use Node 24 or 26`);
}
