import type { ProbeResult } from "./probe-result.ts";

/** grpc.health.v1, HealthCheckResponse.ServingStatus. */
const STATUS = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

/** The answer is some ten bytes; whatever is longer is not one. */
const LONGEST_ANSWER = 64 * 1024;

/** Calls grpc.health.v1.Health/Check without TLS, as upstream does. Rejects when there is no answer. */
export async function probeGrpc(
  { host, port, service }: { host: string; port: number; service: string },
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { connect } = await import("node:http2");
  signal.throwIfAborted();
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  const session = connect(`http://${authority}`);
  const aborted = (): void => session.destroy(signal.reason as Error);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    return await new Promise<ProbeResult>((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({
        ":method": "POST",
        ":path": "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        "user-agent": "kube-probe/1.33",
        te: "trailers",
      });
      let grpc: { code?: string; message?: string } = {};
      const note = (headers: Record<string, unknown>): void => {
        const [code, message] = [headers["grpc-status"], headers["grpc-message"]];
        if (typeof code === "string") grpc = { code, ...(typeof message === "string" ? { message } : {}) };
      };
      const chunks: Buffer[] = [];
      let length = 0;
      stream.on("response", note);
      stream.on("trailers", note);
      stream.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > LONGEST_ANSWER) stream.destroy(new Error("the answer is too long"));
      });
      stream.on("error", reject);
      stream.on("close", () => resolve(judge(grpc, Buffer.concat(chunks))));
      stream.end(encodeHealthRequest(service));
    });
  } finally {
    signal.removeEventListener("abort", aborted);
    session.destroy();
  }
}

function judge({ code, message }: { code?: string; message?: string }, answer: Buffer): ProbeResult {
  if (code !== undefined && code !== "0") {
    // 12 is UNIMPLEMENTED (grpc, statuscodes).
    const why =
      code === "12" ? "the server has no health service" : `gRPC status ${code}${message ? `: ${message}` : ""}`;
    return { ok: false, message: why };
  }
  const status = decodeHealthStatus(answer);
  if (status === undefined) return { ok: false, message: "the answer is not one of grpc.health.v1" };
  return { ok: status === 1, message: `the service is ${STATUS[status] ?? status}` };
}

/** A gRPC frame (flag, length) around HealthCheckRequest { string service = 1 }. */
export function encodeHealthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const body = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** The field `status = 1` of HealthCheckResponse in a gRPC frame; 0 where it is left out; undefined for anything else. */
export function decodeHealthStatus(answer: Buffer): number | undefined {
  if (answer.length < 5 || answer[0] !== 0 || answer.readUInt32BE(1) !== answer.length - 5) return undefined;
  if (answer.length === 5) return 0;
  return answer[5] === 0x08 && answer.length === 7 ? answer[6] : undefined;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
