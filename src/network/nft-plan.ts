import { baseRules, ELEMENT_MAPS, type NftProgram, type NftSettings, REFUSAL, TABLE } from "./nft-program.ts";

/** Lines for `nft -f -` that only hold together: they must not be spread over two transactions. */
export type NftStep = readonly string[];

const EMPTY: NftProgram = {
  chains: new Map(),
  sets: new Map(),
  elements: { vips: new Map(), nodeports: new Map(), refused_nodeports: new Map(), hairpin: new Map() },
};

/** So many elements go into one line. */
const ELEMENTS_PER_LINE = 100;

/**
 * Replaces the whole table: whatever was there, afterwards it holds exactly this program. Until the last step, what has
 * no target yet is dropped instead of refused, so that in more than one transaction, clients merely try again.
 * `kept` adds what its sets had learned.
 */
export function rewrite(settings: NftSettings, desired: NftProgram, kept: readonly NftStep[] = []): NftStep[] {
  return [
    [`add table ${TABLE}`, `delete table ${TABLE}`, `table ${TABLE} {${baseRules(settings)}}`],
    ...plan(EMPTY, desired),
    ...kept,
    [`flush chain ${TABLE} refuse`, ...REFUSAL.map((rule) => `add rule ${TABLE} refuse ${rule}`)],
  ];
}

/**
 * The steps that lead from one program to another; none when they are equal. In one transaction, no packet meets a
 * half-made state; in several, in this order, each service still changes at once. Pure.
 */
export function plan(current: NftProgram, desired: NftProgram): NftStep[] {
  const steps: NftStep[] = [];
  for (const [name, declaration] of desired.sets) {
    // A set's declaration is part of its name: it never changes.
    if (!current.sets.has(name)) steps.push([`add set ${TABLE} ${name} { ${declaration} }`]);
  }
  // Chains refer to one another: all are there before the first rule.
  for (const name of desired.chains.keys()) if (!current.chains.has(name)) steps.push([`add chain ${TABLE} ${name}`]);
  for (const [name, wanted] of desired.chains) {
    const has = current.chains.get(name);
    if (has !== undefined && same(has, wanted)) continue;
    const emptied = has === undefined ? [] : [`flush chain ${TABLE} ${name}`];
    steps.push([...emptied, ...wanted.map((rule) => `add rule ${TABLE} ${name} ${rule}`)]);
  }
  for (const map of ELEMENT_MAPS) steps.push(...elementSteps(map, current, desired));
  const gone = [...current.chains.keys()].filter((name) => !desired.chains.has(name));
  steps.push(...gone.map((name) => [`flush chain ${TABLE} ${name}`]));
  steps.push(...gone.map((name) => [`delete chain ${TABLE} ${name}`]));
  for (const name of current.sets.keys()) if (!desired.sets.has(name)) steps.push([`delete set ${TABLE} ${name}`]);
  return steps;
}

/** Puts steps together into scripts of at most `limit` characters, each of which nft runs as one transaction. Pure. */
export function scriptsOf(steps: readonly NftStep[], limit = Number.POSITIVE_INFINITY): string[] {
  const scripts: string[] = [];
  let script = "";
  for (const step of steps) {
    const text = `${step.join("\n")}\n`;
    if (script !== "" && script.length + text.length > limit) {
      scripts.push(script);
      script = "";
    }
    script += text;
  }
  return script === "" ? scripts : [...scripts, script];
}

function elementSteps(map: (typeof ELEMENT_MAPS)[number], current: NftProgram, desired: NftProgram): NftStep[] {
  const [from, to] = [current.elements[map], desired.elements[map]];
  const remove = (keys: string[]): string => `delete element ${TABLE} ${map} { ${keys.join(", ")} }`;
  const add = (keys: string[]): string => {
    const elements = keys.map((key) => (to.get(key) === "" ? key : `${key} : ${to.get(key)}`));
    return `add element ${TABLE} ${map} { ${elements.join(", ")} }`;
  };
  const gone = [...from.keys()].filter((key) => !to.has(key));
  const fresh = [...to.keys()].filter((key) => !from.has(key));
  const changed = [...to].filter(([key, value]) => from.has(key) && from.get(key) !== value).map(([key]) => key);
  return [
    ...inParts(gone).map((keys) => [remove(keys)]),
    ...inParts(changed).map((keys) => [remove(keys), add(keys)]),
    ...inParts(fresh).map((keys) => [add(keys)]),
  ];
}

function inParts(keys: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(keys.length / ELEMENTS_PER_LINE) }, (_, part) =>
    keys.slice(part * ELEMENTS_PER_LINE, (part + 1) * ELEMENTS_PER_LINE),
  );
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((rule, index) => rule === other[index]);
}
