import { ApiError } from "../../api/api-error.ts";
import type { DeleteOptions } from "../../api/objects.ts";
import type { Precondition } from "../../store/port.ts";
import type { Exchange } from "../http/exchange.ts";
import { flag, integer } from "./list-options.ts";
import { dryRunOf, requestVirtual } from "./request-object.ts";

export interface RequestedDeletion extends DeleteOptions {
  readonly dryRun: boolean;
  readonly preconditions?: Precondition | undefined;
}

interface DeleteBody {
  gracePeriodSeconds?: number;
  propagationPolicy?: string;
  orphanDependents?: boolean;
  preconditions?: Precondition;
  dryRun?: string[];
}

const TARGET = { kind: "DeleteOptions", version: "v1", schema: "meta.v1.DeleteOptions" } as const;

/** meta.v1 DeleteOptions from the body, or from the query where there is none. */
export async function deleteOptions(exchange: Exchange): Promise<RequestedDeletion> {
  const body = (await requestVirtual(exchange, TARGET)) as (DeleteBody & object) | undefined;
  return toDeletion(body ?? fromQuery(exchange.query), exchange.query);
}

export function toDeletion(options: DeleteBody, query: URLSearchParams): RequestedDeletion {
  const { gracePeriodSeconds, orphanDependents, preconditions, dryRun = [] } = options;
  const policy = options.propagationPolicy ?? fromOrphanDependents(orphanDependents);
  if (policy !== undefined && policy !== "Background" && policy !== "Foreground" && policy !== "Orphan") {
    const known = '"Background", "Foreground", "Orphan"';
    throw new ApiError(
      "BadRequest",
      `propagationPolicy: Unsupported value: ${JSON.stringify(policy)}: supported values: ${known}`,
    );
  }
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    preconditions,
    dryRun: dryRun.includes("All") || dryRunOf(query),
  };
}

function fromQuery(query: URLSearchParams): DeleteBody {
  const gracePeriodSeconds = integer(query, "gracePeriodSeconds");
  const propagationPolicy = query.get("propagationPolicy") || undefined;
  const orphanDependents = flag(query, "orphanDependents");
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
  };
}

/** The field that came before propagationPolicy. */
function fromOrphanDependents(orphan: boolean | undefined): string | undefined {
  if (orphan === undefined) return undefined;
  return orphan ? "Orphan" : "Background";
}
