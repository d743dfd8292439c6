import { connect } from "node:net";
import type { ProbeResult } from "./probe-result.ts";

/** Good when a connection is accepted. Rejects when it is not. */
export function probeTcp({ host, port }: { host: string; port: number }, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const aborted = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("close", () => signal.removeEventListener("abort", aborted));
    socket.on("error", reject);
    socket.on("connect", () => {
      resolve({ ok: true, message: `port ${port} accepts connections` });
      socket.destroy();
    });
  });
}
