import { Duplex } from "node:stream";
import type { Pool } from "undici";

/** Undici's pool, loaded only where an ingress runs. */
export async function loadPool(): Promise<typeof Pool> {
  const { default: pool } = await import("undici/lib/dispatcher/pool.js");
  return pool;
}

/**
 * For a process that is about to lose the right to read its own program: undici finds its parser only when it has a
 * connection, so one is made that leads nowhere.
 */
export async function loadPoolWithParser(): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const nowhere = new Duplex({ read: () => {}, write: () => connected.resolve() });
  const UndiciPool = await loadPool();
  const pool = new UndiciPool("http://localhost", {
    connect: (_options, callback) => queueMicrotask(() => callback(null, nowhere as never)),
  });
  pool.dispatch(
    { method: "GET", path: "/" },
    {
      onRequestStart: () => {},
      onResponseStart: () => {},
      onResponseData: () => {},
      onResponseEnd: () => {},
      // Also at the end of the pool, when nobody asks any more.
      onResponseError: (_controller, error) => connected.reject(error),
    },
  );
  await connected.promise;
  await pool.destroy();
}
