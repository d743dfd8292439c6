import { ApiError } from "../../api/api-error.ts";

/** What an answer is to be. `object`: as stored; the others are views of it (KEP-2332 and its predecessors). */
export interface Wanted {
  readonly view: "object" | "table" | "partial" | "partial-list";
  readonly format: "json" | "yaml";
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

const VIEWS: ReadonlyMap<string, Wanted["view"]> = new Map([
  ["Table", "table"],
  ["PartialObjectMetadata", "partial"],
  ["PartialObjectMetadataList", "partial-list"],
]);

/** The first acceptable clause, best quality first. Throws NotAcceptable. */
export function negotiate(accept: string | undefined): Wanted {
  const clauses = parseAccept(accept);
  if (clauses.length === 0) return { view: "object", format: "json" };
  for (const clause of clauses) {
    const format = formatOf(clause.type);
    if (!format) continue;
    const as = clause.parameters.get("as");
    if (as === undefined) return { view: "object", format };
    const view = VIEWS.get(as);
    const known = clause.parameters.get("g") === "meta.k8s.io" && /^v1(beta1)?$/.test(clause.parameters.get("v") ?? "");
    if (view && known) return { view, format };
  }
  throw notAcceptable();
}

export function notAcceptable(): ApiError {
  const known = "application/json, application/yaml";
  return new ApiError("NotAcceptable", `only the following media types are accepted: ${known}`);
}

/** The clauses of an Accept header by quality, in their order where it is the same. */
export function parseAccept(accept: string | undefined): readonly Clause[] {
  if (accept === undefined || accept.trim() === "") return [];
  return accept
    .split(",")
    .map(parseClause)
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality);
}

function parseClause(text: string): Clause {
  const [type = "", ...rest] = text.split(";").map((part) => part.trim());
  const parameters = new Map<string, string>();
  for (const part of rest) {
    const at = part.indexOf("=");
    if (at > 0)
      parameters.set(
        part.slice(0, at).trim(),
        part
          .slice(at + 1)
          .trim()
          .replaceAll('"', ""),
      );
  }
  const quality = Number(parameters.get("q") ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality };
}

function formatOf(type: string): Wanted["format"] | undefined {
  if (type === "application/json" || type === "*/*" || type === "application/*") return "json";
  return type === "application/yaml" ? "yaml" : undefined;
}
