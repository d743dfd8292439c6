import { stringify } from "yaml";
import type { KubeObject } from "../../api/kinds.ts";
import { goJson, sortedKeys } from "./go-json.ts";
import { printJsonPath, valuesAt } from "./jsonpath.ts";
import type { CommandFlag } from "../command.ts";
import { alignColumns } from "./table.ts";
import { UsageError } from "../usage-error.ts";

/** How `-o` asks for output; `table` and `wide` are the server's Table. */
export type OutputFormat =
  | { readonly type: "table"; readonly wide: boolean }
  | { readonly type: "json" | "yaml" | "name" }
  | { readonly type: "jsonpath"; readonly template: string }
  | {
      readonly type: "custom-columns";
      readonly columns: readonly { readonly header: string; readonly path: string }[];
    };

/** The flag that `outputFormat` reads. */
export const OUTPUT_FLAG: CommandFlag = {
  name: "output",
  short: "o",
  type: "text",
  placeholder: "FORMAT",
  meaning: "table, wide, json, yaml, name, jsonpath=..., custom-columns=...",
};

export function outputFormat(text: string | undefined): OutputFormat {
  if (text === undefined || text === "table") return { type: "table", wide: false };
  if (text === "wide") return { type: "table", wide: true };
  if (text === "json" || text === "yaml" || text === "name") return { type: text };
  if (text.startsWith("jsonpath=")) return { type: "jsonpath", template: text.slice("jsonpath=".length) };
  if (text.startsWith("custom-columns=")) {
    const columns = text
      .slice("custom-columns=".length)
      .split(",")
      .map((column) => {
        const at = column.indexOf(":");
        if (at < 1 || at === column.length - 1)
          throw new UsageError(`-o custom-columns: expected HEADER:.path, found ${JSON.stringify(column)}`);
        return { header: column.slice(0, at), path: column.slice(at + 1) };
      });
    return { type: "custom-columns", columns };
  }
  throw new UsageError(
    `-o ${JSON.stringify(text)}: expected table, wide, json, yaml, name, jsonpath=TEMPLATE or custom-columns=HEADER:.path,...`,
  );
}

type PlainFormat = Exclude<OutputFormat, { readonly type: "table" }>;

/** Prints one object, or a list of them as kubectl's `kind: List`. Not for tables, which the server makes. */
export function printObjects(format: OutputFormat, objects: readonly KubeObject[], single: boolean): string {
  if (format.type === "table") throw new Error("Cannot print a table from objects: the server makes it");
  const whole: unknown =
    single && objects.length === 1
      ? objects[0]
      : { apiVersion: "v1", items: objects, kind: "List", metadata: { resourceVersion: "" } };
  return printListed(format, { whole, items: objects.map((object) => [qualifiedName(object), object]) });
}

/** What is listed, and its items by their names. */
interface Listed {
  readonly whole: unknown;
  readonly items: readonly (readonly [name: string, item: object])[];
}

/** Prints an answer of the server, whatever it is, in any format but a table. */
export function printListed(format: PlainFormat, { whole, items }: Listed): string {
  switch (format.type) {
    case "json":
      return `${goJson(whole, 4)}\n`;
    case "yaml":
      // As kubectl writes it: lists below their key, and quotes around what YAML 1.1 reads as something else.
      return stringify(sortedKeys(whole), {
        version: "1.1",
        lineWidth: 0,
        indentSeq: false,
        aliasDuplicateObjects: false,
      });
    case "name":
      return items.map(([name]) => `${name}\n`).join("");
    case "jsonpath":
      return printJsonPath(format.template, whole);
    case "custom-columns":
      return alignColumns([
        format.columns.map((column) => column.header),
        ...items.map(([, item]) => format.columns.map((column) => customCell(column.path, item))),
      ]);
  }
}

function customCell(path: string, object: object): string {
  const values = valuesAt(path, object);
  return values.length === 0
    ? "<none>"
    : values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(",");
}

/** `pod/web` or `deployment.apps/web`, as kubectl names an object. */
export function qualifiedName(object: Pick<KubeObject, "apiVersion" | "kind" | "metadata">): string {
  const slash = object.apiVersion.indexOf("/");
  const group = slash < 0 ? "" : `.${object.apiVersion.slice(0, slash)}`;
  return `${object.kind.toLowerCase()}${group}/${object.metadata.name ?? ""}`;
}
