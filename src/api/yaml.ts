import { LineCounter, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Node, Tags } from "yaml";

export interface YamlDocument {
  /** Undefined for an empty document. */
  readonly value: unknown;
  /** Where it begins, from 1. */
  readonly line: number;
  /** Paths of keys that stand twice in one map, as strict field validation names them; the last one counts. */
  readonly duplicates: readonly string[];
}

/** Text that is no YAML. The message says what is wrong. */
export class YamlError extends Error {
  readonly line: number;
  /** Counted from 1. */
  readonly document: number;

  constructor(message: string, place: { readonly line: number; readonly document: number }) {
    super(message);
    this.name = "YamlError";
    this.line = place.line;
    this.document = place.document;
  }
}

/** More aliases than any honest manifest has, and few enough that a small text cannot become a huge object. */
const MAX_ALIASES = 1000;

/**
 * All documents of a YAML (or JSON) text, read as Kubernetes' tools read them: YAML 1.1 with its booleans and its octal
 * numbers (`defaultMode: 0644`), but no times and no base 60. Throws YamlError.
 */
export function parseYaml(text: string): YamlDocument[] {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter,
    version: "1.1",
    schema: "yaml-1.1",
    customTags: withoutTimes,
    uniqueKeys: false,
    merge: true,
    prettyErrors: false,
  });
  return [...documents].map((document, index) => {
    const [problem] = document.errors;
    if (problem !== undefined) {
      const { line } = lineCounter.linePos(problem.pos[0]);
      throw new YamlError(problem.message, { line, document: index + 1 });
    }
    const { contents } = document;
    const { line } = lineCounter.linePos(contents?.range?.[0] ?? document.range[0]);
    const duplicates: string[] = [];
    findDuplicates(contents, "", duplicates);
    try {
      return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, line, duplicates };
    } catch (error) {
      throw new YamlError(error instanceof Error ? error.message : String(error), { line, document: index + 1 });
    }
  });
}

function withoutTimes(tags: Tags): Tags {
  return tags.filter((tag) => {
    if (typeof tag === "string") return tag !== "timestamp" && tag !== "intTime" && tag !== "floatTime";
    return tag.tag !== "tag:yaml.org,2002:timestamp" && !("format" in tag && tag.format === "TIME");
  });
}

function findDuplicates(node: Node | null, path: string, found: string[]): void {
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) findDuplicates(item as Node | null, `${path}[${index}]`, found);
  } else if (isMap(node)) {
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const inner = path === "" ? name : `${path}.${name}`;
      if (seen.has(name)) found.push(inner);
      seen.add(name);
      findDuplicates(value as Node | null, inner, found);
    }
  }
}
