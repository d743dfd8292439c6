import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../test/poll.ts";
import type { Endpoint } from "./protocol/member.ts";
import { ExchangeError, type Transport } from "./transport.ts";
import { encodeMessage } from "./wire/encode-message.ts";
import { EMPTY } from "./wire/msgpack-reader.ts";

/** Two transports that reach each other, and an endpoint where nobody listens. */
export interface TransportPair {
  readonly a: Transport;
  readonly b: Transport;
  readonly nobody: Endpoint;
}

/** A frame that is whole by itself. */
function frame(seqNo: number): Buffer {
  return encodeMessage({ kind: "ack", ack: { seqNo, payload: EMPTY } });
}

export function transportContract(name: string, open: () => Promise<TransportPair>): void {
  const using = async (
    work: (pair: TransportPair & { heard: { packets: [string, number][]; frames: Buffer[] } }) => Promise<void>,
    answer: (frame: Buffer) => Uint8Array | undefined = () => undefined,
  ): Promise<void> => {
    const pair = await open();
    const stop = new AbortController();
    const heard = { packets: [] as [string, number][], frames: [] as Buffer[] };
    const quiet = { packet: () => {}, frame: () => undefined };
    const runs = [
      pair.a.run(quiet, stop.signal),
      pair.b.run(
        {
          packet: (packet, from) => void heard.packets.push([packet.toString(), from.port]),
          frame: (one) => {
            heard.frames.push(Buffer.from(one));
            return answer(one);
          },
        },
        stop.signal,
      ),
    ];
    try {
      await work({ ...pair, heard });
    } finally {
      stop.abort();
      await Promise.all(runs);
    }
  };
  const options = { timeoutMs: 30_000, signal: new AbortController().signal };
  const failure = (wanted: string) => (error: unknown) => error instanceof ExchangeError && error.failure === wanted;

  test(`${name}: packets arrive whole and tell where they came from`, () =>
    using(async ({ a, b, heard }) => {
      const sent = ["one", "two", "three".repeat(250)];
      for (const packet of sent) a.send(Buffer.from(packet), b.endpoint);
      await eventually(() => heard.packets.length === sent.length);
      assert.deepEqual(new Set(heard.packets.map(([packet]) => packet)), new Set(sent));
      assert.deepEqual(new Set(heard.packets.map(([, port]) => port)), new Set([a.endpoint.port]));
    }));

  test(`${name}: a packet to nobody is lost without a word`, () =>
    using(async ({ a, b, nobody, heard }) => {
      a.send(Buffer.from("lost"), nobody);
      a.send(Buffer.from("kept"), b.endpoint);
      await eventually(() => heard.packets.length === 1);
    }));

  test(`${name}: what was sent may be changed at once`, () =>
    using(async ({ a, b, heard }) => {
      const frames = frame(7);
      await a.deliver(frames, b.endpoint, options);
      frames.fill(0);
      await eventually(() => heard.frames[0]?.equals(frame(7)));
    }));

  test(`${name}: a frame gets its own answer`, () =>
    using(
      async ({ a, b }) => {
        const replies = await Promise.all([1, 2, 3].map((seqNo) => a.exchange(frame(seqNo), b.endpoint, options)));
        assert.deepEqual(replies, [frame(1), frame(2), frame(3)]);
      },
      (one) => Buffer.from(one),
    ));

  test(`${name}: a host where nobody listens refuses`, () =>
    using(async ({ a, nobody }) => {
      await assert.rejects(a.exchange(frame(1), nobody, options), failure("refused"));
      await assert.rejects(a.deliver(frame(1), nobody, options), failure("refused"));
    }));

  test(`${name}: a frame without an answer is told from a host without one`, () =>
    using(async ({ a, b }) => {
      await assert.rejects(a.exchange(frame(1), b.endpoint, options), failure("silent"));
    }));

  test(`${name}: nothing is exchanged once the caller gave up`, () =>
    using(async ({ a, b, heard }) => {
      const signal = AbortSignal.abort(new Error("enough"));
      await assert.rejects(a.exchange(frame(1), b.endpoint, { ...options, signal }), /enough/u);
      assert.deepEqual(heard.frames, []);
    }));

  test(`${name}: after its run nothing listens any more`, async () => {
    const { a, b } = await open();
    const [stopA, stopB] = [new AbortController(), new AbortController()];
    const quiet = { packet: () => {}, frame: (one: Buffer) => Buffer.from(one) };
    const [runA, runB] = [a.run(quiet, stopA.signal), b.run(quiet, stopB.signal)];
    await a.exchange(frame(1), b.endpoint, options);
    stopB.abort();
    await runB;
    await assert.rejects(a.exchange(frame(1), b.endpoint, options), failure("refused"));
    stopA.abort();
    await runA;
  });
}
