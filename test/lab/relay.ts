import { connect, type Server } from "node:net";

/**
 * Run in a host's network namespace: accepts connections on sockets that were made outside, as its parent hands them
 * over, and continues them to the same port of the host's loopback. Ends with its parent.
 */
process.on("message", ({ port }: { port: number }, handle) => {
  const server = handle as Server;
  server.on("connection", (outside) => {
    const inside = connect({ host: "127.0.0.1", port, noDelay: true });
    // Whichever end fails or goes takes the other with it, as on one connection.
    inside.on("error", () => outside.resetAndDestroy()).on("close", () => outside.destroy());
    outside.on("error", () => inside.resetAndDestroy()).on("close", () => inside.destroy());
    outside.setNoDelay(true).pipe(inside).pipe(outside);
  });
  process.send?.({ port });
});
process.on("disconnect", () => process.exit());
