import { request } from "node:http";
import { connect } from "node:net";
import type { ProbeCheck, Prober } from "../../../src/runtime/ports.ts";

/** Probes straight from this process: the test's pods are on a bridge of this machine. */
export const directProber: Prober = {
  probe: async (check: ProbeCheck, timeoutMs, signal) => {
    const { promise, resolve } = Promise.withResolvers<{ ok: boolean; message: string }>();
    if (check.type === "http") {
      const { host, port, path } = check;
      const outgoing = request({ host, port, path, timeout: timeoutMs, signal, agent: false }, (response) => {
        response.resume();
        const status = response.statusCode ?? 0;
        resolve({ ok: status >= 200 && status < 400, message: `HTTP probe failed with statuscode: ${status}` });
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("timeout")));
      outgoing.on("error", (error) => resolve({ ok: false, message: error.message }));
      outgoing.end();
      return promise;
    }
    const socket = connect({ host: check.host, port: check.port, timeout: timeoutMs });
    socket.on("connect", () => resolve({ ok: true, message: "" }));
    socket.on("timeout", () => resolve({ ok: false, message: "timeout" }));
    socket.on("error", (error) => resolve({ ok: false, message: error.message }));
    return promise.finally(() => socket.destroy());
  },
};
