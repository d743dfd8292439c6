import type { Lab } from "../lab/lab.ts";
import { type AgentPlace, AgentProcess } from "./agent-process.ts";

/** What a member gives who may join: a token and the address to join at. */
export interface JoinOrder {
  readonly token: string;
  readonly address: string;
}

/** Undefined for a cluster of its own. */
export function joinFlags(order: JoinOrder | undefined): string[] {
  return order === undefined ? [] : [`--join=${order.address}`, `--join-token=${order.token}`];
}

/** Starts the agent of the node `n<host>` on that host of a lab, as root unless told otherwise, with new data or those of a directory. */
export async function startMember(
  lab: Lab,
  {
    host,
    user = "root",
    flags = [],
    dataDir,
  }: {
    readonly host: number;
    readonly user?: AgentPlace["user"];
    readonly flags?: readonly string[];
    readonly dataDir?: string;
  },
): Promise<AgentProcess> {
  return await AgentProcess.start({
    place: { host: lab.host(host), user },
    flags: [`--node-name=n${host}`, ...flags],
    ...(dataDir === undefined ? {} : { dataDir }),
  });
}
