import { createServer } from "node:http";
import { connectToSupervisor } from "../../handles/received-sockets.ts";

/**
 * A little child for the tests: serves its pid over HTTP on each socket it is given. The first argument says how to
 * behave: `serve`, `refuse`, `die`, `stubborn`.
 */
async function main(): Promise<void> {
  const behaviour = process.argv[2];
  const link = connectToSupervisor();
  if (behaviour === "refuse") process.exit(78);
  if (behaviour === "die") process.exit(3);
  if (behaviour !== "stubborn") link.stop.addEventListener("abort", () => process.exit(0));
  const sockets = await link.sockets;
  for (const name of ["first", "second", "control"]) {
    if (sockets.has(name))
      await sockets.listen(
        name,
        createServer((_, response) => response.end(`${process.pid}`)),
      );
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
