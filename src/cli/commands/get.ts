import type { KubeObject } from "../../api/kinds.ts";
import { apiVersionOf, pathOf } from "../../client/discovery.ts";
import type { Arguments, Command } from "../command.ts";
import { type Asked, askedFor } from "../named.ts";
import { alignColumns, type Table, tableRows } from "../output/table.ts";
import { OUTPUT_FLAG, type OutputFormat, outputFormat, printObjects, qualifiedName } from "../output/print-objects.ts";
import type { Session } from "../session.ts";

const TABLE_ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

export const get: Command = {
  name: "get",
  summary: "Print objects",
  usage: "(KIND[,KIND...] [NAME...] | KIND/NAME...) [flags]",
  examples: [
    "psctl get pods",
    "psctl get deploy,svc -A -o wide",
    "psctl get pod/web-1 -o yaml",
    "psctl get pods -l app=web -w",
  ],
  flags: [
    OUTPUT_FLAG,
    { name: "all-namespaces", short: "A", type: "switch", meaning: "across all namespaces" },
    { name: "selector", short: "l", type: "text", placeholder: "LABELS", meaning: "only objects with these labels" },
    {
      name: "field-selector",
      type: "text",
      placeholder: "FIELDS",
      meaning: "only objects with these fields, such as status.phase=Running",
    },
    { name: "watch", short: "w", type: "switch", meaning: "go on with changes as they happen" },
    { name: "show-labels", type: "switch", meaning: "add a column with all labels" },
    { name: "label-columns", short: "L", type: "list", placeholder: "LABEL", meaning: "add a column with this label" },
    { name: "no-headers", type: "switch", meaning: "leave the header out" },
    { name: "ignore-not-found", type: "switch", meaning: "an object that does not exist is no failure" },
  ],
  run: async (session, args) => {
    const format = outputFormat(args.text("output"));
    const asked = await askedFor(session, args.positionals);
    if (args.has("watch")) return await watch(session, args, { asked, format });
    return format.type === "table"
      ? await printTables(session, args, { asked, wide: format.wide })
      : await printPlain(session, args, { asked, format });
  },
};

interface Scope {
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

function scopeOf(session: Session, args: Arguments, asked: Asked): Scope {
  const everywhere = args.has("all-namespaces") && asked.name === undefined;
  return {
    path: pathOf(asked.resource, { namespace: everywhere ? undefined : session.namespace, name: asked.name }),
    query:
      asked.name === undefined
        ? { labelSelector: args.text("selector"), fieldSelector: args.text("field-selector") }
        : {},
  };
}

/** Reads one answer; with --ignore-not-found a missing object is undefined. */
async function read<T>(
  session: Session,
  args: Arguments,
  request: Scope & { accept?: string },
): Promise<T | undefined> {
  try {
    return await session.client.json<T>("GET", request.path, {
      query: request.query,
      signal: session.signal,
      ...(request.accept ? { accept: request.accept } : {}),
    });
  } catch (error) {
    if (args.has("ignore-not-found") && (error as { reason?: string }).reason === "NotFound") return undefined;
    throw error;
  }
}

async function printPlain(
  session: Session,
  args: Arguments,
  { asked, format }: { asked: readonly Asked[]; format: OutputFormat },
): Promise<number> {
  const objects: KubeObject[] = [];
  for (const one of asked) {
    const answer = await read<KubeObject & { items?: KubeObject[] }>(session, args, scopeOf(session, args, one));
    if (!answer) continue;
    if (one.name !== undefined) objects.push(answer);
    else
      objects.push(
        ...(answer.items ?? []).map((item) => ({
          ...item,
          apiVersion: answer.apiVersion,
          kind: answer.kind.replace(/List$/, ""),
        })),
      );
  }
  if (objects.length > 0 || asked.some((one) => one.name === undefined)) {
    session.streams.out(printObjects(format, objects, asked.length === 1 && asked[0]?.name !== undefined));
  }
  return 0;
}

async function printTables(
  session: Session,
  args: Arguments,
  { asked, wide }: { asked: readonly Asked[]; wide: boolean },
): Promise<number> {
  const kinds = new Set(asked.map((one) => one.resource));
  const blocks: string[] = [];
  for (const resource of kinds) {
    const tables: Table[] = [];
    for (const one of asked.filter((candidate) => candidate.resource === resource)) {
      const table = await read<Table>(session, args, { ...scopeOf(session, args, one), accept: TABLE_ACCEPT });
      if (table) tables.push(table);
    }
    const rows = tables.flatMap((table) => table.rows ?? []);
    const [first] = tables;
    if (!first || rows.length === 0) continue;
    const lines = tableRows(
      { ...first, rows },
      {
        wide,
        withNamespace: args.has("all-namespaces") && resource.namespaced,
        showLabels: args.has("show-labels"),
        labelColumns: args.list("label-columns").flatMap((label) => label.split(",")),
        noHeaders: args.has("no-headers"),
        ...(kinds.size > 1
          ? {
              namePrefix: qualifiedName({
                apiVersion: apiVersionOf(resource),
                kind: resource.kind,
                metadata: { name: "" },
              }),
            }
          : {}),
      },
    );
    blocks.push(alignColumns(lines));
  }
  if (blocks.length > 0) session.streams.out(blocks.join("\n"));
  else if (asked.every((one) => one.name === undefined)) {
    const where =
      args.has("all-namespaces") || asked.every((one) => !one.resource.namespaced)
        ? ""
        : ` in ${session.namespace} namespace`;
    session.streams.err(`No resources found${where}${where === "" ? "" : "."}\n`);
  }
  return 0;
}

async function watch(
  session: Session,
  args: Arguments,
  { asked, format }: { asked: readonly Asked[]; format: OutputFormat },
): Promise<number> {
  const [one, ...more] = asked;
  if (!one || more.length > 0) throw new Error("Cannot watch more than one kind at a time");
  const scope = scopeOf(session, args, { ...one, name: undefined });
  const selector = [scope.query["fieldSelector"], one.name === undefined ? undefined : `metadata.name=${one.name}`]
    .filter(Boolean)
    .join(",");
  const query = { ...scope.query, fieldSelector: selector === "" ? undefined : selector };
  const plain = format.type !== "table";
  const accept = plain ? "application/json" : TABLE_ACCEPT;
  const listed = await session.client.json<Table & { items?: KubeObject[]; metadata: { resourceVersion: string } }>(
    "GET",
    scope.path,
    { query, accept, signal: session.signal },
  );
  const printer = plain ? undefined : watchPrinter(session, args, { asked: one, wide: format.wide });
  if (plain)
    for (const item of listed.items ?? [])
      session.streams.out(
        printObjects(
          format,
          [
            {
              ...item,
              apiVersion: apiVersionOf(one.resource),
              kind: one.resource.kind,
            },
          ],
          true,
        ),
      );
  else printer?.(listed);
  const events = session.client.lines<{ type: string; object: KubeObject & Table }>(scope.path, {
    query: { ...query, watch: "true", resourceVersion: listed.metadata.resourceVersion },
    accept,
    signal: session.signal,
  });
  for await (const event of events) {
    if (event.type === "BOOKMARK") continue;
    if (event.type === "ERROR") throw new Error(`Cannot watch on: ${String(event.object["message"])}`);
    if (plain) session.streams.out(printObjects(format, [event.object], true));
    else printer?.(event.object);
  }
  return 0;
}

/** Prints tables of one watch: the header once, each column as wide as it was at first, as kubectl does. */
function watchPrinter(
  session: Session,
  args: Arguments,
  { asked, wide }: { asked: Asked; wide: boolean },
): (table: Table) => void {
  let widths: readonly number[] | undefined;
  let columns: Table["columnDefinitions"];
  return (table) => {
    columns ??= table.columnDefinitions;
    const lines = tableRows(
      { ...table, ...(columns ? { columnDefinitions: columns } : {}) },
      {
        wide,
        withNamespace: args.has("all-namespaces") && asked.resource.namespaced,
        showLabels: args.has("show-labels"),
        noHeaders: widths !== undefined || args.has("no-headers"),
      },
    );
    if ((table.rows ?? []).length === 0) return;
    widths ??= (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
    const known = widths;
    for (const line of lines)
      session.print(
        line.map((cell, at) => (at === line.length - 1 ? cell : `${cell.padEnd(known[at] ?? 0)}   `)).join(""),
      );
  };
}
