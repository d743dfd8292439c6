import { type Clock, systemClock } from "../lib/clock.ts";
import { describeError, type Logger } from "../lib/log.ts";
import { type Random, systemRandom } from "../lib/random.ts";
import type { AggregatedNews } from "./aggregated-news.ts";
import type { Effect, MemberView, Report } from "./protocol/effects.ts";
import type { Input } from "./protocol/inputs.ts";
import type { Endpoint } from "./protocol/member.ts";
import { viewOf } from "./protocol/member-view.ts";
import type { MembershipState } from "./protocol/membership-state.ts";
import type { Settings } from "./protocol/settings.ts";
import { nextWake, startMembership, step } from "./protocol/step.ts";
import { type GossipRefusal, refusalNews } from "./refusal.ts";
import { ExchangeError, type Transport, type TransportHandler } from "./transport.ts";
import { likelyCause, type Unheard, unheardNews } from "./unheard.ts";
import { type FrameMessage, openFrame, refusalFrame, refusalOf, sealFrame } from "./wire/frame.ts";
import { openPacket, sealPacket } from "./wire/packet.ts";
import { type SealOptions, sealOverhead } from "./wire/seal-options.ts";
import { WireError } from "./wire/wire-error.ts";

export interface MembershipNodeDeps {
  readonly transport: Transport;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface MembershipNodeOptions {
  readonly settings: Settings;
  readonly seal: SealOptions;
  readonly onReport: (report: Report) => void;
  /** What others do wrong is reported at once, then so often at most. */
  readonly newsEveryMs?: number;
}

/** Characters of another node's words that are reported. */
const MOST_SAID = 200;
/** How long leaving waits for its news to be told. Source: serf v0.9.8, agent/command.go, its leave timeout. */
const LEAVE_MS = 5000;
/** The most that one UDP packet over IPv4 carries: 65,535 bytes without the heads of IP and UDP (RFC 791, RFC 768). */
const MESSAGE_MAX_BYTES = 65_507;

/** Traffic, in packets and frames as they go over the wire. */
interface Traffic {
  packetsSent: number;
  packetBytesSent: number;
  packetsReceived: number;
  packetBytesReceived: number;
  packetsRefused: number;
  framesRefused: number;
}

/** One node: steps the state machine with what its transport and clock bring, and does what it decides. */
export class MembershipNode implements TransportHandler {
  readonly #transport: Transport;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #options: MembershipNodeOptions;
  readonly #state: MembershipState;
  readonly #outcomes = new Map<number, (error: string | undefined) => void>();
  readonly #traffic: Traffic = {
    packetsSent: 0,
    packetBytesSent: 0,
    packetsReceived: 0,
    packetBytesReceived: 0,
    packetsRefused: 0,
    framesRefused: 0,
  };
  readonly #refusals: AggregatedNews<GossipRefusal>;
  readonly #unheard: AggregatedNews<Unheard>;
  readonly #work = new Set<Promise<void>>();
  #signal = AbortSignal.abort(new Error("it does not run"));
  #cancelWake: () => void = () => {};
  #wakesAt = Number.POSITIVE_INFINITY;
  #nextOutcome = 0;

  constructor(
    { transport, log, clock = systemClock, random = systemRandom }: MembershipNodeDeps,
    options: MembershipNodeOptions,
  ) {
    this.#transport = transport;
    this.#log = log;
    this.#clock = clock;
    this.#options = options;
    const settings = { ...options.settings, packetOverhead: sealOverhead(options.seal) };
    this.#state = startMembership(settings, { random, now: clock.monotonic() });
    const { onReport, newsEveryMs: everyMs } = options;
    this.#refusals = refusalNews({ clock, log, onReport }, { everyMs });
    this.#unheard = unheardNews({ clock, log, onReport }, { everyMs });
  }

  /** Takes part until `signal`. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    this.#step({ kind: "time" });
    try {
      await this.#transport.run(this, signal);
    } finally {
      this.#cancelWake();
      await Promise.all(this.#work);
      this.#refusals.stop();
      this.#unheard.stop();
    }
  }

  /** All names, its own included. */
  members(): MemberView[] {
    return this.#state.members.all().map((member) => viewOf(this.#state, member));
  }

  self(): MemberView {
    return viewOf(this.#state, this.#state.self);
  }

  /** Exchanges everything with another node. Rejects with the reason when that brought nothing. */
  async join(to: Endpoint): Promise<void> {
    const id = this.#nextOutcome;
    this.#nextOutcome += 1;
    const outcome = new Promise<string | undefined>((resolve) => this.#outcomes.set(id, resolve));
    this.#step({ kind: "join", id, to });
    const error = await outcome;
    if (error !== undefined) throw new Error(`Cannot join ${to.host}:${to.port}: ${error}`);
  }

  /** Tells the others; resolves once that is told, or could not be for a while. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#step({ kind: "leave" });
    const others = (): boolean =>
      this.members().some(({ name, state }) => name !== this.self().name && state === "alive");
    const until = this.#clock.monotonic() + LEAVE_MS;
    while (!this.#state.leaveTold && others() && this.#clock.monotonic() < until)
      await this.#clock.sleep(this.#options.settings.gossipIntervalMs / 4, signal);
  }

  /** Tells the others that a member was removed. Throws for this node itself. */
  forceLeave(name: string): void {
    this.#step({ kind: "force-leave", name });
  }

  setMeta(meta: Uint8Array): void {
    this.#step({ kind: "meta", meta: Buffer.from(meta) });
  }

  /** To some others at random; they decide whether to tell it on. */
  broadcast(payload: Uint8Array): void {
    this.#step({ kind: "broadcast", payload: Buffer.from(payload) });
  }

  send(to: string, payload: Uint8Array, { reliable = false }: { reliable?: boolean } = {}): void {
    this.#step({ kind: "user", to, payload: Buffer.from(payload), reliable });
  }

  installKey(key: Uint8Array): void {
    this.#options.seal.keyring.install(key);
    this.#step({ kind: "packet-overhead", bytes: sealOverhead(this.#options.seal) });
  }

  useKey(key: Uint8Array): void {
    this.#options.seal.keyring.use(key);
  }

  removeKey(key: Uint8Array): void {
    this.#options.seal.keyring.remove(key);
  }

  /** Counts since the start, and what is the case now. */
  metrics(): Record<string, number> {
    const { counters, score, broadcasts, userBroadcasts, suspicions, members } = this.#state;
    return {
      ...counters,
      ...this.#traffic,
      score,
      queued: broadcasts.length + userBroadcasts.length,
      suspected: suspicions.size,
      members: members.size,
    };
  }

  packet(packet: Buffer, from: Endpoint): void {
    this.#traffic.packetsReceived += 1;
    this.#traffic.packetBytesReceived += packet.length;
    try {
      const { messages, refused } = openPacket(packet, this.#options.seal);
      for (const error of refused) this.#refused("packet", from, error);
      for (const message of messages) this.#step({ kind: "message", message, from });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refused("packet", from, error);
    }
  }

  frame(frame: Buffer, from: Endpoint): Uint8Array | undefined {
    try {
      const message = openFrame(frame, this.#options.seal);
      let reply: Uint8Array | undefined;
      for (const effect of this.#step({ kind: "request", message }))
        if (effect.kind === "reply") {
          reply = sealFrame(effect.body, this.#options.seal, "reply");
          const { refused } = effect;
          if (refused !== undefined) this.#refused("stream", from, new WireError(refused, { reason: "OtherVersion" }));
        }
      return reply;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#refused("stream", from, error);
      return refusalFrame(error);
    }
  }

  #refused(transport: "packet" | "stream", { host }: Endpoint, { reason, message }: WireError): void {
    this.#traffic[transport === "packet" ? "packetsRefused" : "framesRefused"] += 1;
    this.#refusals.note({ reason, transport, host, why: message });
  }

  #step(input: Input): readonly Effect[] {
    const { effects } = step(this.#state, input, this.#clock.monotonic());
    for (const effect of effects) this.#act(effect);
    this.#scheduleWake();
    return effects;
  }

  #scheduleWake(): void {
    const at = nextWake(this.#state);
    if (at === this.#wakesAt || this.#signal.aborted) return;
    this.#cancelWake();
    this.#wakesAt = at;
    const wake = (): void => {
      this.#wakesAt = Number.POSITIVE_INFINITY;
      this.#step({ kind: "time" });
    };
    this.#cancelWake = this.#clock.timer(Math.max(0, Math.ceil(at - this.#clock.monotonic())), wake);
  }

  #act(effect: Effect): void {
    switch (effect.kind) {
      case "packet":
        return this.#sendPacket(effect);
      case "exchange":
        return this.#own(this.#exchange(effect));
      case "frame":
        return this.#own(this.#deliver(effect));
      case "outcome":
        this.#outcomes.get(effect.id)?.(effect.error);
        this.#outcomes.delete(effect.id);
        return;
      case "report":
        return this.#options.onReport(effect.report);
      case "reply":
        // Taken by `frame`, whose stream it goes to.
        return;
    }
  }

  #sendPacket({ to, parts, checksum }: Extract<Effect, { kind: "packet" }>): void {
    const packet = sealPacket(parts, checksum, this.#options.seal);
    if (packet.length > MESSAGE_MAX_BYTES) return this.#log.debug("membership: packet too long", { to: to.host });
    this.#traffic.packetsSent += 1;
    this.#traffic.packetBytesSent += packet.length;
    this.#transport.send(packet, to);
  }

  async #exchange({ id, to, body, timeoutMs }: Extract<Effect, { kind: "exchange" }>): Promise<void> {
    const { seal } = this.#options;
    let input: Input;
    try {
      const options = { timeoutMs, signal: this.#signal };
      const reply = await this.#transport.exchange(sealFrame(body, seal), to, options);
      input = { kind: "exchanged", id, reply: this.#openReply(reply, to) };
    } catch (error) {
      const known = error instanceof ExchangeError || error instanceof WireError || this.#signal.aborted;
      if (!known) throw error;
      const failure = error instanceof ExchangeError ? error.failure : "broken";
      input = { kind: "exchange-failed", id, failure, why: describeError(error) };
    }
    this.#step(input);
  }

  /** A node that answers and does not take what this one says: the reason is news. */
  #openReply(reply: Buffer, { host, port }: Endpoint): FrameMessage {
    const unheard = (words: string): void => {
      const said = words.slice(0, MOST_SAID);
      this.#unheard.note({ host, port, said, likely: likelyCause(said) });
    };
    try {
      const message = openFrame(reply, this.#options.seal, "reply");
      if (message.kind === "error") unheard(message.error);
      return message;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const told = error.reason === "PlainText" ? refusalOf(reply) : undefined;
      unheard(told ?? error.message);
      if (told === undefined) throw error;
      throw new WireError(`it refuses this node: ${likelyCause(told)} (it says: ${JSON.stringify(told)})`, error);
    }
  }

  async #deliver({ to, body }: Extract<Effect, { kind: "frame" }>): Promise<void> {
    const { settings, seal } = this.#options;
    try {
      const options = { timeoutMs: settings.tcpTimeoutMs, signal: this.#signal };
      await this.#transport.deliver(sealFrame(body, seal), to, options);
    } catch (error) {
      if (!(error instanceof ExchangeError) && !this.#signal.aborted) throw error;
      this.#log.debug("membership: message lost", { to: to.host, error });
    }
  }

  /** A failure here is a fault of this program: it ends the thread as an unhandled rejection. */
  #own(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }
}
