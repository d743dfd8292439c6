import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import type { Connection } from "./connection.ts";

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string; readonly context: KubeconfigContext }[];
  readonly clusters?: readonly { readonly name: string; readonly cluster: Record<string, string | undefined> }[];
  readonly users?: readonly { readonly name: string; readonly user: Record<string, string | undefined> }[];
}

interface KubeconfigContext {
  readonly cluster: string;
  readonly user: string;
  readonly namespace?: string;
}

/** Reads a kubeconfig's current context. Throws an Error that names the file and what it lacks. */
export function readKubeconfig(path: string): {
  readonly connection: Connection;
  readonly namespace: string | undefined;
} {
  const config = parse(readFileSync(path, "utf8")) as Kubeconfig | null;
  const fail = (what: string): never => {
    throw new Error(`Cannot use ${path}: ${what}`);
  };
  const context =
    config?.contexts?.find((entry) => entry.name === config["current-context"])?.context ??
    fail("it has no current context");
  const cluster =
    config?.clusters?.find((entry) => entry.name === context.cluster)?.cluster ?? fail("its context has no cluster");
  const user = config?.users?.find((entry) => entry.name === context.user)?.user ?? {};
  const pem = (from: Record<string, string | undefined>, name: string): string | undefined => {
    const data = from[`${name}-data`];
    if (data !== undefined) return Buffer.from(data, "base64").toString("utf8");
    const file = from[name];
    return file === undefined ? undefined : readFileSync(resolve(dirname(path), file), "utf8");
  };
  const server = cluster["server"] ?? fail("its cluster has no server");
  const parts = {
    ca: pem(cluster, "certificate-authority"),
    cert: pem(user, "client-certificate"),
    key: pem(user, "client-key"),
    serverName: cluster["tls-server-name"],
    token: user["token"],
  };
  const known = Object.fromEntries(
    Object.entries(parts).filter(([, value]) => value !== undefined),
  ) as Partial<Connection>;
  return { connection: { server, ...known }, namespace: context.namespace };
}
