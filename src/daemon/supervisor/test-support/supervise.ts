import { systemClock } from "../../../lib/clock.ts";
import { createLogger, describeError } from "../../../lib/log.ts";
import { Supervisor } from "../supervisor.ts";
import type { SupervisorOptions } from "../supervisor-options.ts";

/** A supervisor as a process of its own, so that a test can kill it: its options are JSON in the first argument. */
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => stop.abort());
const options = JSON.parse(process.argv[2] ?? "") as SupervisorOptions;
new Supervisor({ clock: systemClock, logger: createLogger({ format: "json" }) }, options).run(stop.signal).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${describeError(error)}\n`);
    process.exit(1);
  },
);
