import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { systemClock } from "../../src/lib/clock.ts";
import { describeError } from "../../src/lib/log.ts";
import { deadline } from "../../src/lib/deadline.ts";
import { crossChain, readMaterial, trustedCas } from "../../src/security/certificates/ca-material.ts";
import { FrameStream } from "../../src/security/cluster-port/frame-stream.ts";
import { introduce, PEER_PROTOCOL, readAnswer } from "../../src/security/cluster-port/peer-greeting.ts";
import { agentContext, dial, peerOf } from "../../src/security/cluster-port/tls-context.ts";

/**
 * Run on a host: connects to members all the time as the node whose data directory is given first, with what that has on
 * disk at the moment. At the end of its input it prints how many connections there were, and what failed, as JSON. With
 * `any` in the environment as BELIEVES it does not care whom it talks to: a thief does not either. With a question, as
 * JSON, in the environment as ASKS, it puts that each time and prints the different answers, too.
 */
const believesAny = process.env["BELIEVES"] === "any";
const asks = process.env["ASKS"];
const LONGEST_ANSWER = 2 ** 20;
const [dataDir = "", ...hosts] = process.argv.slice(2);
const seen = { connections: 0, failures: [] as string[] };
const answers = new Set<string>();
let ended = false;
process.stdin.on("end", () => (ended = true)).resume();

function present(): { readonly context: ReturnType<typeof agentContext>; readonly clusterId: string } {
  for (;;) {
    const read = (name: string): string => readFileSync(join(dataDir, "pki", name), "utf8");
    const material = readMaterial(JSON.parse(read("ca.json")));
    const pair = { certificate: read("node.crt"), key: read("node.key") };
    const now = systemClock.now();
    const trusted = trustedCas(material, now);
    const { certificate } = material.signing;
    const context = agentContext(pair, { certificate, trusted, chain: crossChain(material, now) });
    const issued = trusted.some((ca) =>
      new X509Certificate(pair.certificate).verify(new X509Certificate(ca).publicKey),
    );
    try {
      createSecureContext(context);
      if (issued) return { context, clusterId: material.clusterId };
    } catch {
      // Between the two files of a renewal: once more.
    }
  }
}

while (!ended) {
  for (const host of hosts) {
    try {
      using limit = deadline(5000, new AbortController().signal);
      const { context, clusterId } = present();
      const socket = await dial(context, { host, port: 7946, protocol: PEER_PROTOCOL, signal: limit.signal });
      socket.on("error", () => {});
      if (!believesAny) peerOf(socket, { clusterId, isDenied: () => false });
      const frames = new FrameStream(socket);
      await introduce(frames, { clock: systemClock, signal: limit.signal });
      if (asks !== undefined) {
        frames.writeJson(JSON.parse(asks));
        answers.add(JSON.stringify(await readAnswer(frames, { limit: LONGEST_ANSWER, signal: limit.signal })));
      }
      socket.destroy();
      seen.connections += 1;
    } catch (error) {
      seen.failures.push(`${host}: ${String(error)} ${describeError((error as Error).cause)}`);
    }
    await systemClock.sleep(20);
  }
}
process.stdout.write(JSON.stringify({ ...seen, answers: [...answers] }));
