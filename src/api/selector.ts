import { ApiError } from "./api-error.ts";
import type { KindDeclaration } from "./kind.ts";
import type { KubeObject, LabelSelector } from "./kinds.ts";
import { matchesExpression } from "./label-selector.ts";
import type { Labels, SelectorExpression } from "./label-selector.ts";
import { labelValueProblems, qualifiedNameProblems } from "./validation/names.ts";

export interface Selector<Of> {
  matches(object: Of): boolean;
}

const TOKEN = /\s*(?:(==|!=|=|<|>)|([(),!])|([^\s(),!=<>]+))/y;
const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["=", "In"],
  ["==", "In"],
  ["!=", "NotIn"],
  [">", "Gt"],
  ["<", "Lt"],
]);

/** The `labelSelector` of a query: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. BadRequest for anything else. */
export function parseLabelSelector(text: string): Selector<Labels> {
  const expressions = parseRequirements(text);
  return { matches: (labels) => expressions.every((expression) => matchesExpression(expression, labels)) };
}

export function parseRequirements(text: string): SelectorExpression[] {
  const tokens = tokenize(text);
  const expressions: SelectorExpression[] = [];
  while (tokens.length > 0) {
    expressions.push(requirement(tokens, text));
    const separator = tokens.shift();
    if (separator !== undefined && (separator !== "," || tokens.length === 0)) {
      throw unparsable(text, `found '${separator}', expected: ',' or 'end of string'`);
    }
  }
  return expressions;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  let at = 0;
  while (at < end) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (match === null) throw unparsable(text, `unexpected character at ${at}`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? "");
    at = TOKEN.lastIndex;
  }
  return tokens;
}

function requirement(tokens: string[], text: string): SelectorExpression {
  const absent = tokens[0] === "!";
  if (absent) tokens.shift();
  const key = tokens.shift() ?? "";
  const problem = qualifiedNameProblems(key)[0];
  if (problem !== undefined) throw unparsable(text, `key: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  if (absent) return { key, operator: "DoesNotExist" };
  const next = tokens[0];
  if (next === undefined || next === ",") return { key, operator: "Exists" };
  tokens.shift();
  const operator = next === "in" ? "In" : next === "notin" ? "NotIn" : OPERATORS.get(next);
  if (operator === undefined) throw unparsable(text, `found '${next}', expected: in, notin, =, ==, !=, gt, lt`);
  const values = next === "in" || next === "notin" ? valueSet(tokens, text) : [singleValue(tokens)];
  const numeric = operator === "Gt" || operator === "Lt";
  for (const value of values) {
    const wrong = numeric
      ? /^-?\d+$/.test(value)
        ? undefined
        : "for 'Gt', 'Lt' operators, the value must be an integer"
      : labelValueProblems(value)[0];
    if (wrong !== undefined) throw unparsable(text, `values: Invalid value: ${JSON.stringify(value)}: ${wrong}`);
  }
  return { key, operator, values };
}

function singleValue(tokens: string[]): string {
  return tokens[0] === undefined || tokens[0] === "," ? "" : (tokens.shift() ?? "");
}

function valueSet(tokens: string[], text: string): string[] {
  if (tokens.shift() !== "(") throw unparsable(text, "expected: '('");
  const values: string[] = [];
  for (;;) {
    if (tokens[0] === undefined) throw unparsable(text, "found '', expected: ',', or ')'");
    values.push(tokens[0] === "," || tokens[0] === ")" ? "" : (tokens.shift() ?? ""));
    const separator = tokens.shift();
    if (separator === ")") return values;
    if (separator !== ",") throw unparsable(text, `found '${separator ?? ""}', expected: ',', or ')'`);
  }
}

function unparsable(text: string, why: string): ApiError {
  return new ApiError(
    "BadRequest",
    `unable to parse requirement: ${why} (in the label selector ${JSON.stringify(text)})`,
  );
}

/** The `fieldSelector` of a query: `a=b,c==d,e!=f` over the fields that the kind offers. BadRequest for other fields. */
export function parseFieldSelector(declaration: KindDeclaration, text: string): Selector<KubeObject> {
  const known = fieldsOf(declaration, { apiVersion: "", kind: declaration.kind, metadata: {} });
  const terms = splitTerms(text).map((term) => {
    const match = /^([^=!]*)(==|=|!=)(.*)$/s.exec(term);
    if (match === null) {
      throw new ApiError("BadRequest", `invalid selector: '${text}'; can't understand '${term}'`);
    }
    const [, field = "", operator = "", value = ""] = match;
    if (!Object.hasOwn(known, field)) throw unknownField(declaration, field);
    return { field, equal: operator !== "!=", value: value.replaceAll(/\\([\\,=])/g, "$1") };
  });
  return {
    matches: (object) => {
      const fields = fieldsOf(declaration, object);
      return terms.every(({ field, equal, value }) => (fields[field] === value) === equal);
    },
  };
}

function fieldsOf(declaration: KindDeclaration, object: KubeObject): Readonly<Record<string, string>> {
  const { name, namespace } = object.metadata;
  return {
    ...declaration.fields(object),
    "metadata.name": name ?? "",
    ...(declaration.namespaced ? { "metadata.namespace": namespace ?? "" } : {}),
  };
}

/** Commas separate, but for those behind a backslash. */
function splitTerms(text: string): string[] {
  return text.split(/(?<!\\),/).filter((term) => term !== "");
}

function unknownField(declaration: KindDeclaration, field: string): ApiError {
  const own = Object.keys(declaration.fields({ apiVersion: "", kind: declaration.kind, metadata: {} }));
  return new ApiError(
    "BadRequest",
    own.length > 0
      ? `field label not supported: ${field}`
      : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

/** A LabelSelector as kubectl prints it and as `status.selector` of a Scale has it; "" for none or an empty one. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({ key, text: `${key}=${value}` }));
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    const list = `(${[...values].sort().join(",")})`;
    const texts: Record<string, string> = {
      In: `${key} in ${list}`,
      NotIn: `${key} notin ${list}`,
      Exists: key,
      DoesNotExist: `!${key}`,
    };
    return { key, text: texts[operator] ?? "" };
  });
  return [...labels, ...expressions]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ text }) => text)
    .join(",");
}

/** A plain map of labels, as formatLabelSelector prints one. */
export function formatLabels(labels: Labels | undefined): string {
  return formatLabelSelector({ matchLabels: { ...labels } });
}
