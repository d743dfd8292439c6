/**
 * kubectl's JSONPath templates: text with `{...}` expressions, `{range X}...{end}`, quoted strings, `.a.b`, `['a']`,
 * `[0]`, `[-1]`, `[1:3]`, `[*]`, `..name` and filters `[?(@.a=="b")]`.
 * Source: kubernetes.io/docs/reference/kubectl/jsonpath.
 */
export class JsonPathError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "JsonPathError";
  }
}

type Step =
  | { readonly type: "field"; readonly name: string }
  | { readonly type: "each" }
  | { readonly type: "slice"; readonly from?: number; readonly to?: number }
  | { readonly type: "index"; readonly at: number }
  | { readonly type: "deep"; readonly name: string }
  | { readonly type: "filter"; readonly path: readonly Step[]; readonly operator?: string; readonly value?: unknown };

type Node =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "path"; readonly steps: readonly Step[] }
  | { readonly type: "range"; readonly steps: readonly Step[]; readonly body: readonly Node[] };

/** Prints a value through a template. Throws a JsonPathError for a template that cannot be read. */
export function printJsonPath(template: string, value: unknown): string {
  const text = template.includes("{")
    ? template
    : `{${template.startsWith(".") || template.startsWith("$") ? "" : "."}${template}}`;
  const [nodes] = parseNodes(text, 0, false);
  return render(nodes, value);
}

/** All values at a path such as `.spec.containers[*].image`. */
export function valuesAt(path: string, value: unknown): unknown[] {
  const plain = path.replace(/^\{(.*)\}$/, "$1");
  return walk(
    parseSteps(plain.startsWith(".") || plain.startsWith("$") || plain.startsWith("[") ? plain : `.${plain}`),
    [value],
  );
}

function parseNodes(text: string, start: number, inRange: boolean): [Node[], number] {
  const nodes: Node[] = [];
  let at = start;
  while (at < text.length) {
    const open = text.indexOf("{", at);
    if (open < 0) {
      nodes.push({ type: "text", text: text.slice(at) });
      at = text.length;
      break;
    }
    if (open > at) nodes.push({ type: "text", text: text.slice(at, open) });
    const close = closingBrace(text, open);
    const inner = text.slice(open + 1, close).trim();
    at = close + 1;
    if (inner === "end") {
      if (!inRange) throw new JsonPathError("{end} without {range}");
      return [nodes, at];
    }
    if (inner.startsWith("range ")) {
      const [body, after] = parseNodes(text, at, true);
      nodes.push({ type: "range", steps: parseSteps(inner.slice(6).trim()), body });
      at = after;
    } else if (/^["']/.test(inner)) {
      nodes.push({ type: "text", text: unquote(inner) });
    } else {
      nodes.push({ type: "path", steps: parseSteps(inner) });
    }
  }
  if (inRange) throw new JsonPathError("{range} without {end}");
  return [nodes, at];
}

function closingBrace(text: string, open: number): number {
  let quote = "";
  for (let at = open + 1; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote !== "") {
      if (char === "\\") at++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "}") return at;
  }
  throw new JsonPathError(`unclosed action at "${text.slice(open)}"`);
}

function unquote(text: string): string {
  const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
  return text.slice(1, -1).replaceAll(/\\(.)/g, (_, char: string) => escapes[char] ?? char);
}

const STEP =
  /^(?:\.\.(?<deep>[\w$-]+|\*)|\.(?<field>(?:[^\s.[\]()\\]|\\.)+)|\.(?=\[|$)|\[(?:(?<each>\*)|(?<index>-?\d+)|(?<slice>-?\d*:-?\d*)|'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)"|\?\((?<filter>(?:[^()"']|"[^"]*"|'[^']*')*)\))\])/;

function parseSteps(path: string): Step[] {
  let rest = path.replace(/^[$@]/, "");
  const steps: Step[] = [];
  while (rest !== "") {
    const match = STEP.exec(rest);
    if (!match || match[0] === "") throw new JsonPathError(`Cannot read the JSONPath "${path}" at "${rest}"`);
    rest = rest.slice(match[0].length);
    const step = stepOf(match.groups ?? {});
    if (step) steps.push(step);
  }
  return steps;
}

function stepOf(groups: Readonly<Record<string, string | undefined>>): Step | undefined {
  const name = groups["field"] ?? groups["single"] ?? groups["double"];
  if (name !== undefined)
    return name === "*" ? { type: "each" } : { type: "field", name: name.replaceAll(/\\(.)/g, "$1") };
  if (groups["deep"] !== undefined) return { type: "deep", name: groups["deep"] };
  if (groups["each"] !== undefined) return { type: "each" };
  if (groups["index"] !== undefined) return { type: "index", at: Number(groups["index"]) };
  if (groups["slice"] !== undefined) {
    const [from = "", to = ""] = groups["slice"].split(":");
    return { type: "slice", ...(from === "" ? {} : { from: Number(from) }), ...(to === "" ? {} : { to: Number(to) }) };
  }
  return groups["filter"] === undefined ? undefined : filterOf(groups["filter"]);
}

function filterOf(text: string): Step {
  const match = /^\s*@(?<path>[^=!<>\s]*)\s*(?:(?<operator>==|!=|<=|>=|<|>)\s*(?<value>.+?))?\s*$/.exec(text);
  if (!match) throw new JsonPathError(`Cannot read the filter "${text}"`);
  const { path = "", operator, value } = match.groups ?? {};
  if (operator === undefined || value === undefined) return { type: "filter", path: parseSteps(path) };
  const wanted: unknown = /^["']/.test(value) ? unquote(value) : (JSON.parse(value) as unknown);
  return { type: "filter", path: parseSteps(path), operator, value: wanted };
}

function walk(steps: readonly Step[], values: unknown[]): unknown[] {
  return steps.reduce((current, step) => current.flatMap((value) => advance(step, value)), values);
}

function advance(step: Step, value: unknown): unknown[] {
  const items = Array.isArray(value) ? (value as unknown[]) : [];
  switch (step.type) {
    case "field": {
      const found =
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[step.name] : undefined;
      return found === undefined ? [] : [found];
    }
    case "each":
      return Array.isArray(value) ? items : typeof value === "object" && value !== null ? Object.values(value) : [];
    case "index":
      return items.at(step.at) === undefined ? [] : [items.at(step.at)];
    case "slice":
      return items.slice(step.from, step.to);
    case "deep":
      return deepValues(step.name, value);
    case "filter":
      return items.filter((item) => passes(step, item));
  }
}

function deepValues(name: string, value: unknown): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [
    ...(key === name || name === "*" ? [child] : []),
    ...deepValues(name, child),
  ]);
}

function passes(step: Extract<Step, { type: "filter" }>, item: unknown): boolean {
  const found = walk(step.path, [item]);
  if (step.operator === undefined) return found.length > 0;
  return found.some((value) => compare(value, step.operator ?? "", step.value));
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  const [a, b] = [left as number, right as number];
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return a < b;
    case ">":
      return a > b;
    case "<=":
      return a <= b;
    default:
      return a >= b;
  }
}

function render(nodes: readonly Node[], value: unknown): string {
  return nodes
    .map((node) => {
      if (node.type === "text") return node.text;
      const found = walk(node.steps, [value]);
      if (node.type === "path") return found.map(plainText).join(" ");
      return found.map((item) => render(node.body, item)).join("");
    })
    .join("");
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
