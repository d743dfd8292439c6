import { keepCompiledCode } from "../lib/compile-cache.ts";
import { describeError } from "../lib/log.ts";

// First, and with the rest imported afterwards: only what is loaded later is kept compiled.
keepCompiledCode();

import("./psctl.ts")
  .then(({ runPsctlCommand }) => runPsctlCommand(process.argv.slice(2)))
  .then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(`${describeError(error)}\n`);
      process.exitCode = 1;
    },
  );
