import { type Random, seededRandom } from "../../../src/lib/random.ts";
import type { Effect, Report } from "../../../src/membership/protocol/effects.ts";
import type { ExchangeFailure, Input } from "../../../src/membership/protocol/inputs.ts";
import { addressBytes, newMember } from "../../../src/membership/protocol/member.ts";
import type { MembershipState } from "../../../src/membership/protocol/membership-state.ts";
import { LAN_SETTINGS, type Settings } from "../../../src/membership/protocol/settings.ts";
import { nextWake, startMembership, step } from "../../../src/membership/protocol/step.ts";
import { openFrame } from "../../../src/membership/wire/frame.ts";
import { Keyring } from "../../../src/membership/wire/keyring.ts";
import { openPacket, sealPacket } from "../../../src/membership/wire/packet.ts";
import { type SealOptions, sealOverhead } from "../../../src/membership/wire/seal-options.ts";
import { EventQueue } from "./event-queue.ts";

/** A report, who made it, and when. */
export interface Seen {
  readonly at: number;
  readonly by: string;
  readonly report: Report;
}

export interface ClusterOptions {
  readonly nodes: number;
  readonly seed: number;
  /** Share of packets that get lost, each way. */
  readonly loss?: number;
  /** Encrypted and compressed, as in earnest; plain is faster. */
  readonly sealed?: boolean;
  readonly tuning?: Partial<Settings>;
  /** Each node's monotonic clock; true time by default. */
  readonly clock?: (index: number) => { offset: number; rate: number };
}

/** One host with its agent. */
export interface SimulatedNode {
  readonly index: number;
  readonly name: string;
  readonly host: string;
  state: MembershipState;
  /** "agent-down": the host refuses connections. "host-down": nothing answers. */
  power: "up" | "agent-down" | "host-down";
  /** Nothing is handled before; what comes waits. */
  pausedUntil: number;
  /** Every packet is handled so much later. */
  slowMs: number;
  /** Its clock: `offset + rate * t`. */
  readonly clock: { readonly offset: number; readonly rate: number };
  side: number;
  life: number;
  wakeAt: number;
  packets: number;
  bytes: number;
}

/** Of one way within a machine room. */
const LATENCY_MS = { least: 0.2, most: 2 };
/** Linux: the first SYN is repeated after 1 s (RFC 6298), later segments after 200 ms (TCP_RTO_MIN). */
const SYN_REPEAT_MS = 1000;
const SEGMENT_REPEAT_MS = 200;

/** Many nodes, one simulated clock, an unreliable network between them; everything follows from the seed. */
export class SimulatedCluster {
  readonly nodes: SimulatedNode[] = [];
  readonly seen: Seen[] = [];
  readonly random: Random;
  readonly events = new EventQueue();
  readonly #loss: number;
  readonly #seal: SealOptions;
  readonly #tuning: Partial<Settings>;
  readonly #byHost = new Map<string, SimulatedNode>();

  constructor({ nodes, seed, loss = 0, sealed = false, tuning = {}, clock }: ClusterOptions) {
    this.random = seededRandom(seed);
    this.#loss = loss;
    this.#tuning = tuning;
    this.#seal = {
      keyring: new Keyring(sealed ? [Buffer.alloc(32, 1)] : []),
      label: "",
      compression: sealed,
      protocolVersion: 2,
      verifyIncoming: true,
      verifyOutgoing: true,
    };
    for (let index = 0; index < nodes; index += 1) this.#addNode(index, clock?.(index) ?? { offset: 0, rate: 1 });
    for (const node of this.nodes) this.#introduce(node);
  }

  /** How packets are wrapped. */
  get seal(): SealOptions {
    return this.#seal;
  }

  get now(): number {
    return this.events.now;
  }

  run(ms: number): void {
    this.events.runUntil(this.now + ms);
  }

  /** Runs until `done`, asked every 50 ms; how long that took, or undefined after `limitMs`. */
  runUntil(done: () => boolean, limitMs: number): number | undefined {
    const start = this.now;
    while (this.now - start < limitMs) {
      if (done()) return this.now - start;
      this.run(50);
    }
    return done() ? this.now - start : undefined;
  }

  crash(node: SimulatedNode, power: "agent-down" | "host-down"): void {
    node.power = power;
    node.life += 1;
  }

  /** A new agent that knows nobody joins through a random other one. */
  restart(node: SimulatedNode): void {
    node.power = "up";
    node.life += 1;
    node.state = startMembership(this.#settings(node), { random: this.random, now: this.#clockOf(node) });
    node.wakeAt = Number.POSITIVE_INFINITY;
    const others = this.nodes.filter((one) => one !== node && one.power === "up" && one.side === node.side);
    const through = others[Math.floor(this.random.next() * others.length)] as SimulatedNode;
    this.step(node, { kind: "join", id: 0, to: { host: through.host, port: 7946 } });
  }

  pause(node: SimulatedNode, ms: number): void {
    node.pausedUntil = this.now + ms;
  }

  /** What one takes another for. */
  stateOf(viewer: SimulatedNode, name: string): string | undefined {
    return viewer.state.members.get(name)?.state;
  }

  step(node: SimulatedNode, input: Input): readonly Effect[] {
    const { effects } = step(node.state, input, this.#clockOf(node));
    for (const effect of effects) this.#act(node, effect);
    this.#scheduleWake(node);
    return effects;
  }

  #addNode(index: number, clock: SimulatedNode["clock"]): void {
    const host = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    const node: SimulatedNode = {
      index,
      name: `node-${index}`,
      host,
      state: undefined as unknown as MembershipState,
      power: "up",
      pausedUntil: 0,
      slowMs: 0,
      clock,
      side: 0,
      life: 0,
      wakeAt: Number.POSITIVE_INFINITY,
      packets: 0,
      bytes: 0,
    };
    node.state = startMembership(this.#settings(node), { random: this.random, now: clock.offset });
    this.nodes.push(node);
    this.#byHost.set(host, node);
  }

  /** All know all from the start: joining hundreds one by one is not what is measured. */
  #introduce(node: SimulatedNode): void {
    for (const { state } of this.nodes) {
      if (state === node.state) continue;
      const { addr, port, meta, protocol, delegate } = state.self;
      const member = newMember(state.self.name, { addr, port, meta, changedAt: node.state.now });
      node.state.members.add({ ...member, state: "alive", incarnation: 1, protocol, delegate });
    }
    this.#scheduleWake(node);
  }

  #settings(node: Pick<SimulatedNode, "name" | "host">): Settings {
    const packetOverhead = sealOverhead(this.#seal);
    const own = { name: node.name, addr: addressBytes(node.host), port: 7946, packetOverhead };
    return { ...LAN_SETTINGS, ...this.#tuning, ...own };
  }

  #clockOf(node: SimulatedNode): number {
    return node.clock.offset + node.clock.rate * this.now;
  }

  #scheduleWake(node: SimulatedNode): void {
    // A little later than due, since a division that rounds down would wake it for nothing, for ever.
    const at = (nextWake(node.state) - node.clock.offset) / node.clock.rate + 0.001;
    if (at === node.wakeAt) return;
    node.wakeAt = at;
    this.#atNode(node, at, () => {
      if (node.wakeAt !== at) return;
      node.wakeAt = Number.POSITIVE_INFINITY;
      this.step(node, { kind: "time" });
    });
  }

  /** Once `node` has time for it, if it still is the same agent. */
  #atNode(node: SimulatedNode, at: number, run: () => void): void {
    const { life } = node;
    this.events.add(at, () => {
      if (node.life !== life || node.power !== "up") return;
      if (node.pausedUntil > this.now) this.#atNode(node, node.pausedUntil, run);
      else run();
    });
  }

  #act(node: SimulatedNode, effect: Effect): void {
    if (effect.kind === "packet") this.#send(node, effect);
    else if (effect.kind === "exchange") this.#exchange(node, effect);
    else if (effect.kind === "report") this.seen.push({ at: this.now, by: node.name, report: effect.report });
  }

  #send(node: SimulatedNode, { to, parts, checksum }: Extract<Effect, { kind: "packet" }>): void {
    const packet = Buffer.from(sealPacket(parts, checksum, this.#seal));
    node.packets += 1;
    node.bytes += packet.length;
    const target = this.#byHost.get(to.host);
    if (!target || target.side !== node.side || target.power !== "up" || this.#lost()) return;
    this.#atNode(target, this.now + this.#latency() + target.slowMs, () => {
      const from = { host: node.host, port: 7946 };
      for (const message of openPacket(packet, this.#seal).messages)
        this.step(target, { kind: "message", message, from });
    });
  }

  /** As TCP does: what is lost is sent again until the time is over. */
  #exchange(node: SimulatedNode, { id, to, body, timeoutMs }: Extract<Effect, { kind: "exchange" }>): void {
    node.bytes += body.length;
    const start = this.now;
    const end = (failure: ExchangeFailure, at: number): void =>
      this.#atNode(node, at, () => this.step(node, { kind: "exchange-failed", id, failure, why: failure }));
    const target = this.#byHost.get(to.host);
    if (!target || target.side !== node.side || target.power === "host-down") return end("timeout", start + timeoutMs);
    const connected = start + this.#tries(SYN_REPEAT_MS);
    if (connected > start + timeoutMs) return end("timeout", start + timeoutMs);
    if (target.power === "agent-down") return end("refused", connected);
    const arrives = connected + this.#tries(SEGMENT_REPEAT_MS) + target.slowMs;
    let answered = false;
    this.#atNode(target, arrives, () => {
      const message = openFrame(body, { ...this.#seal, keyring: new Keyring() });
      for (const effect of this.step(target, { kind: "request", message })) {
        if (effect.kind !== "reply") continue;
        target.bytes += effect.body.length;
        const back = this.now + this.#tries(SEGMENT_REPEAT_MS);
        if (back > start + timeoutMs) continue;
        answered = true;
        const reply = openFrame(effect.body, { ...this.#seal, keyring: new Keyring() });
        this.#atNode(node, back, () => this.step(node, { kind: "exchanged", id, reply }));
      }
    });
    this.events.add(start + timeoutMs, () => {
      if (!answered) end("silent", this.now);
    });
  }

  /** Time for one way and back, with its repeats, each after twice the time. */
  #tries(repeatMs: number): number {
    let total = 0;
    for (let wait = repeatMs; this.#lost() || this.#lost(); wait *= 2) {
      total += wait;
      if (total > 120_000) break;
    }
    return total + this.#latency() * 2;
  }

  #lost(): boolean {
    return this.#loss > 0 && this.random.next() < this.#loss;
  }

  #latency(): number {
    return LATENCY_MS.least + this.random.next() * (LATENCY_MS.most - LATENCY_MS.least);
  }
}
