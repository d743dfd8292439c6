import { describeError } from "../src/lib/log.ts";
import { apiThroughput } from "./rows/api-throughput.ts";
import { dns } from "./rows/dns.ts";
import { idle } from "./rows/idle.ts";
import { ingress } from "./rows/ingress.ts";
import { membership } from "./rows/membership.ts";
import { podsReady } from "./rows/pods-ready.ts";
import { start } from "./rows/start.ts";
import { type Bench, resultLine } from "./support/row.ts";

/** Quick ones first. `npm run bench NAME...` runs only those. */
const BENCHES: readonly Bench[] = [start, dns, ingress, apiThroughput, podsReady, membership, idle];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `Cannot run ${unknown.join(", ")}: known are ${BENCHES.map((bench) => bench.name).join(", ")}\n`,
  );
  process.exit(2);
}

let failed = 0;
for (const bench of BENCHES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  process.stdout.write(`# ${bench.name}: ${bench.meaning}\n`);
  try {
    for (const result of await bench.run()) process.stdout.write(`${resultLine(result)}\n`);
  } catch (error) {
    failed++;
    process.stdout.write(`Cannot measure ${bench.name}: ${describeError(error)}\n`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
