import type { Clock } from "../lib/clock.ts";
import { ProgramError } from "../lib/host/run-program.ts";
import type { Logger } from "../lib/log.ts";
import { Wake } from "../lib/wake.ts";
import { keptAffinity } from "./kept-affinity.ts";
import type { Kernel } from "./kernel.ts";
import { misledUdpFlows } from "./misled-udp-flows.ts";
import { compileServices, type NftProgram, type NftSettings, TABLE } from "./nft-program.ts";
import { type NftStep, plan, rewrite, scriptsOf } from "./nft-plan.ts";
import { type ServiceTable, targetAddresses } from "./service-table.ts";
import { type FlowFilter, staleUdpFlows } from "./stale-udp-flows.ts";

export interface ServiceRouterOptions {
  /** How often the table is compared with what was written, in milliseconds. */
  readonly verifyMs?: number;
  /** The pause after a failed attempt, in milliseconds. */
  readonly retryMs?: number;
}

/** How long nothing must change before the table is listed for the first time, in milliseconds. */
const SETTLE_MS = 1_000;

/**
 * As much text makes one transaction where their size is limited. The kernel's default limit (net.core.wmem_max, twice)
 * is 416 KiB of netlink messages, which take up to eight times as much as the text.
 */
const PART_CHARACTERS = 40_000;

/** What the kernel holds: the services it forwards, their program, and how the table was listed in the next quiet moment. */
interface Applied {
  readonly table: ServiceTable;
  readonly program: NftProgram;
  readonly listing?: string;
}

/**
 * Keeps the kernel's service table as wanted. The first write replaces the table, later ones change what differs, each
 * in one transaction; a table that somebody else changed or flushed is written anew.
 */
export class ServiceRouter {
  readonly #kernel: Kernel;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settings: NftSettings;
  readonly #verifyMs: number;
  readonly #retryMs: number;
  #wanted: ServiceTable | undefined;
  #applied: Applied | undefined;
  /** What holds for every packet: applied, and flows of before are forgotten. */
  #settled: ServiceTable | undefined;
  readonly #wake: Wake;
  #waiters = new Set<() => void>();
  #conntrackMissing = false;
  /** A transaction was too long for this kernel's limit. */
  #inParts = false;

  constructor(
    { kernel, clock, logger }: { kernel: Kernel; clock: Clock; logger: Logger },
    settings: NftSettings,
    { verifyMs = 30_000, retryMs = 1_000 }: ServiceRouterOptions = {},
  ) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#wake = new Wake(clock);
    this.#logger = logger;
    this.#settings = settings;
    this.#verifyMs = verifyMs;
    this.#retryMs = retryMs;
  }

  /** Says what is wanted from now on; `run` writes it. Only the newest counts. */
  apply(table: ServiceTable): void {
    this.#wanted = table;
    this.#wake.ring();
  }

  /** Forgets what was written, so that the whole table is written again: for a network namespace that was replaced. */
  invalidate(): void {
    this.#applied = undefined;
    this.#wake.ring();
  }

  /** Resolves once no new connection is sent to the address, or after `timeoutMs`. Never rejects. */
  async drained(podIp: string, timeoutMs: number): Promise<void> {
    const done = (): boolean =>
      this.#applied !== undefined &&
      this.#settled !== undefined &&
      this.#settled === this.#wanted &&
      !targetAddresses(this.#settled).has(podIp);
    if (done()) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        cancel();
        this.#waiters.delete(check);
        resolve();
      };
      const check = (): void => {
        if (done()) finish();
      };
      const cancel = this.#clock.timer(timeoutMs, finish);
      this.#waiters.add(check);
    });
  }

  /** Owns the kernel's table until `signal`. What it wrote stays: running pods go on being reachable. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pause = this.#verifyMs;
      try {
        await this.#step(signal);
      } catch (error) {
        if (signal.aborted) return;
        // nft refuses a transaction as a whole; what the kernel holds is not known any more after a killed nft.
        this.#applied = undefined;
        this.#logger.error("Cannot write the service table", { error });
        pause = this.#retryMs;
      }
      for (const check of this.#waiters) check();
      if (this.#applied !== undefined && this.#applied.listing === undefined) pause = Math.min(pause, SETTLE_MS);
      if (this.#applied === undefined || this.#applied.table === this.#wanted) await this.#wake.sleep(pause, signal);
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === undefined) return;
    const applied = this.#applied;
    if (applied?.table === wanted) return await this.#verify(applied, signal);
    const program = compileServices(wanted);
    if (applied === undefined) await this.#rewrite(program, signal);
    else await this.#write(plan(applied.program, program), signal);
    this.#applied = { table: wanted, program };
    if (applied === undefined) await this.#forgetMisledFlows(wanted, signal);
    else await this.#forget(staleUdpFlows(applied.table, wanted), signal);
    this.#settled = wanted;
  }

  /** Clients of services with affinity stay where they are. */
  async #rewrite(program: NftProgram, signal: AbortSignal): Promise<void> {
    const kept = program.sets.size === 0 ? [] : keptAffinity(await this.#listAll(signal), program);
    await this.#write(rewrite(this.#settings, program, kept), signal);
  }

  /** Listing a large table takes longer than changing it, so it is done only when nothing else is to be done. */
  async #verify(applied: Applied, signal: AbortSignal): Promise<void> {
    const listing = await this.#list(signal);
    const isWhole = [...applied.program.chains.keys()].every((chain) => listing?.includes(`chain ${chain} {`));
    if (listing !== undefined && isWhole && listing === (applied.listing ?? listing)) {
      this.#applied = { ...applied, listing };
      return;
    }
    this.#logger.warn("The service table was changed by somebody else and is written again");
    await this.#rewrite(applied.program, signal);
    this.#applied = { table: applied.table, program: applied.program };
    await this.#forgetMisledFlows(applied.table, signal);
  }

  /** In one transaction where the kernel takes it: without root's rights, their size is limited. */
  async #write(steps: readonly NftStep[], signal: AbortSignal): Promise<void> {
    if (!this.#inParts) {
      try {
        for (const input of scriptsOf(steps)) await this.#kernel.run(["nft", "-f", "-"], { input, signal });
        return;
      } catch (error) {
        if (!(error instanceof ProgramError) || !error.stderr.includes("Message too long")) throw error;
        this.#inParts = true;
      }
    }
    for (const input of scriptsOf(steps, PART_CHARACTERS))
      await this.#kernel.run(["nft", "-f", "-"], { input, signal });
  }

  /** The rules without the learned elements of affinity sets; undefined when there is no table. */
  async #list(signal: AbortSignal): Promise<string | undefined> {
    const list = (...args: string[]): Promise<string> => this.#kernel.run(["nft", ...args], { signal });
    return await whereTableIs(async () => {
      const rules = await list("-t", "list", "table", ...words(TABLE));
      const maps = await Promise.all(["vips", "nodeports"].map((name) => list("list", "map", ...words(TABLE), name)));
      return [rules, ...maps].join("");
    });
  }

  /** With the learned elements; empty when there is no table. */
  async #listAll(signal: AbortSignal): Promise<string> {
    return (await whereTableIs(() => this.#kernel.run(["nft", "list", "table", ...words(TABLE)], { signal }))) ?? "";
  }

  /** UDP has no end of a connection: what was decided for a client would otherwise hold as long as it keeps sending. */
  async #forget(flows: readonly FlowFilter[], signal: AbortSignal): Promise<void> {
    for (const filter of flows) await this.#conntrack(["-D", ...filter], signal);
  }

  async #forgetMisledFlows(table: ServiceTable, signal: AbortSignal): Promise<void> {
    const listing = await this.#conntrack(["-L", "-p", "udp"], signal);
    if (listing !== undefined) await this.#forget(misledUdpFlows({ ...this.#settings, listing, table }), signal);
  }

  /** Resolves with what it prints; undefined where it does not work. */
  async #conntrack(args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    if (this.#conntrackMissing) return undefined;
    try {
      return await this.#kernel.run(["conntrack", ...args], { signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      if (error.stderr.includes("0 flow entries have been deleted")) return undefined;
      this.#conntrackMissing = error.exitCode === undefined;
      this.#logger.warn("Cannot forget UDP flows to pods that are gone: their clients may keep waiting", { error });
      return undefined;
    }
  }
}

async function whereTableIs<T>(list: () => Promise<T>): Promise<T | undefined> {
  try {
    return await list();
  } catch (error) {
    if (error instanceof ProgramError && error.stderr.includes("No such file or directory")) return undefined;
    throw error;
  }
}

function words(text: string): string[] {
  return text.split(" ");
}
