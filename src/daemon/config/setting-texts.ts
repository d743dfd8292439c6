import { isIP } from "node:net";
import type { HostPort } from "./agent-config.ts";

/** Parsers of texts that several flags have. Each throws an Error that says what is expected. */

export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 65535) throw new Error("expected a port from 1 to 65535");
  return value;
}

export function truth(text: string): boolean {
  if (/^(true|1|yes|on)$/i.test(text)) return true;
  if (/^(false|0|no|off)$/i.test(text)) return false;
  throw new Error("expected true or false");
}

export function hostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(text);
  if (!match) throw new Error("expected HOST:PORT, such as 127.0.0.1:8080");
  const host = match[1] ?? match[2] ?? "";
  if (host !== "" && host !== "localhost" && isIP(host) === 0)
    throw new Error("expected an IP address before the port");
  return { host: host === "" ? "0.0.0.0" : host === "localhost" ? "127.0.0.1" : host, port: port(match[3] ?? "") };
}

export function list<T>(item: (text: string) => T): (text: string) => T[] {
  return (text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map(item);
}
