import { baseRules, ELEMENT_MAPS, type NftProgram, type NftSettings, TABLE } from "./nft-program.ts";

const EMPTY: NftProgram = {
  chains: new Map(),
  sets: new Map(),
  elements: { vips: new Map(), nodeports: new Map(), refused_nodeports: new Map(), hairpin: new Map() },
};

/** Replaces the whole table, in one transaction: whatever was there, afterwards it holds exactly this program. */
export function rewrite(settings: NftSettings, desired: NftProgram): string {
  return `add table ${TABLE}\ndelete table ${TABLE}\ntable ${TABLE} {${baseRules(settings)}}\n${plan(EMPTY, desired)}`;
}

/**
 * The script for `nft -f -` that leads from one program to another; "" when they are equal. nft runs it as one
 * transaction, so no packet ever meets a half-made state. Pure.
 */
export function plan(current: NftProgram, desired: NftProgram): string {
  const before: string[] = [];
  const rules: string[] = [];
  const after: string[] = [];

  for (const [name, declaration] of desired.sets) {
    // A set's declaration is part of its name: it never changes.
    if (!current.sets.has(name)) before.push(`add set ${TABLE} ${name} { ${declaration} }`);
  }
  for (const name of desired.chains.keys()) if (!current.chains.has(name)) before.push(`add chain ${TABLE} ${name}`);
  for (const [name, wanted] of desired.chains) {
    const has = current.chains.get(name);
    if (has !== undefined && same(has, wanted)) continue;
    if (has !== undefined) rules.push(`flush chain ${TABLE} ${name}`);
    rules.push(...addRules(name, desired));
  }
  rules.push(...elementChanges(current, desired));
  const goneChains = [...current.chains.keys()].filter((name) => !desired.chains.has(name));
  // Chains refer to one another: all are emptied before the first is deleted.
  after.push(...goneChains.map((name) => `flush chain ${TABLE} ${name}`));
  after.push(...goneChains.map((name) => `delete chain ${TABLE} ${name}`));
  for (const name of current.sets.keys()) if (!desired.sets.has(name)) after.push(`delete set ${TABLE} ${name}`);

  const lines = [...before, ...rules, ...after];
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function elementChanges(current: NftProgram, desired: NftProgram): string[] {
  const [gone, added]: [string[], string[]] = [[], []];
  for (const map of ELEMENT_MAPS) {
    const [from, to] = [current.elements[map], desired.elements[map]];
    const removed = [...from].filter(([key, value]) => to.get(key) !== value).map(([key]) => key);
    const fresh = [...to].filter(([key, value]) => from.get(key) !== value);
    if (removed.length > 0) gone.push(`delete element ${TABLE} ${map} { ${removed.join(", ")} }`);
    if (fresh.length > 0) {
      const elements = fresh.map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
      added.push(`add element ${TABLE} ${map} { ${elements.join(", ")} }`);
    }
  }
  return [...gone, ...added];
}

function addRules(chain: string, program: NftProgram): string[] {
  return (program.chains.get(chain) ?? []).map((rule) => `add rule ${TABLE} ${chain} ${rule}`);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((rule, index) => rule === other[index]);
}
