import type { NftStep } from "./nft-plan.ts";
import { type NftProgram, TABLE } from "./nft-program.ts";

/** So many elements go into one line. */
const ELEMENTS_PER_LINE = 100;

/**
 * The steps that give the sets of a program, once they are made anew, the clients that the kernel has in them now, as
 * `nft list table` prints it. Their time begins anew, too. Pure.
 */
export function keptAffinity(listing: string, { sets }: NftProgram): NftStep[] {
  return [...listing.matchAll(SET)].flatMap(([, name = "", elements = ""]) => {
    const clients = sets.has(name) ? (elements.match(ADDRESS) ?? []) : [];
    return Array.from({ length: Math.ceil(clients.length / ELEMENTS_PER_LINE) }, (_, part) => {
      const some = clients.slice(part * ELEMENTS_PER_LINE, (part + 1) * ELEMENTS_PER_LINE);
      return [`add element ${TABLE} ${name} { ${some.join(", ")} }`];
    });
  });
}

/** Each element with its times: `elements = { 10.42.0.4 expires 2h59m57s, ... }`. */
const SET = /\bset (\w+) \{[^{}]*elements = \{([^{}]*)\}/g;
const ADDRESS = /\b\d+\.\d+\.\d+\.\d+\b/g;
