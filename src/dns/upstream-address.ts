import { isIP } from "node:net";

export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** Reads `1.2.3.4`, `1.2.3.4:53`, `::1` or `[::1]:53`; undefined for anything else. */
export function parseUpstream(text: string): UpstreamAddress | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const v4 = /^([\d.]+)(?::(\d+))?$/.exec(text);
  const [, host = text, digits = "53"] = bracketed ?? v4 ?? [];
  const family = isIP(host);
  const port = Number(digits);
  if ((family !== 4 && family !== 6) || (bracketed !== null && family !== 6)) return undefined;
  return port < 1 || port > 65_535 ? undefined : { host, port, family };
}

export function upstreamText({ host, port, family }: UpstreamAddress): string {
  return family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The resolvers that a resolv.conf names, as `ip:port`, without those in `own`: asking them would ask ourselves. */
export function resolvConfUpstreams(text: string, own: readonly string[] = []): string[] {
  const found = text.split("\n").flatMap((line) => {
    const host = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    const address = host === undefined ? undefined : parseUpstream(host);
    return address === undefined || own.includes(address.host) ? [] : [upstreamText(address)];
  });
  return [...new Set(found)];
}
