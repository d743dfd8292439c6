import type { ClientRequest, IncomingMessage } from "node:http";
import { request as requestHttp } from "node:http";
import type { ProbeCheck } from "../../runtime/ports.ts";
import type { ProbeResult } from "./probe-result.ts";

type HttpCheck = Extract<ProbeCheck, { type: "http" }>;

/** As much of an answer as a message shows, and as many redirects as upstream follows (kubelet, pkg/probe/http). */
const BODY_BYTES = 10 * 1024;
const REDIRECTS = 10;

/** Asks once; 200 to 399 is good. Certificates are not verified. Rejects when there is no answer. */
export async function probeHttp(check: HttpCheck, signal: AbortSignal): Promise<ProbeResult> {
  const host = check.host.includes(":") ? `[${check.host}]` : check.host;
  let url = new URL(
    `${check.https ? "https" : "http"}://${host}:${check.port}${check.path.startsWith("/") ? "" : "/"}${check.path}`,
  );
  for (let redirects = 0; ; redirects += 1) {
    const { status, location, body } = await ask(url, check.headers, signal);
    if (status < 200 || status >= 400) {
      // One line: it becomes an Event.
      const [line = ""] = body.trim().split(/\s*\n/, 1);
      const shown = line === "" ? "" : `: ${line.slice(0, 200)}`;
      return { ok: false, message: `${url.pathname} answered ${status}${shown}` };
    }
    const next = location === undefined ? undefined : resolveLocation(location, url);
    if (next === undefined || status < 300) return { ok: true, message: `${url.pathname} answered ${status}` };
    // Another host is not what was to be probed: that it redirects is answer enough.
    if (next.hostname !== url.hostname)
      return { ok: true, message: `${url.pathname} answered ${status}, to ${next.host}` };
    if (redirects === REDIRECTS)
      return { ok: false, message: `${check.path} was redirected more than ${REDIRECTS} times` };
    url = next;
  }
}

function resolveLocation(location: string, base: URL): URL | undefined {
  const next = URL.parse(location, base.href);
  return next !== null && (next.protocol === "http:" || next.protocol === "https:") ? next : undefined;
}

interface Asked {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

async function ask(url: URL, headers: HttpCheck["headers"], signal: AbortSignal): Promise<Asked> {
  const sent: Record<string, string> = {};
  // Applications keep probes out of their logs by this name (kubelet, pkg/probe/http).
  const names = new Set(headers.map(({ name }) => name.toLowerCase()));
  if (!names.has("user-agent")) sent["user-agent"] = "kube-probe/1.33";
  if (!names.has("accept")) sent["accept"] = "*/*";
  for (const { name, value } of headers) sent[name] = value;
  const options = { headers: sent, agent: false, signal } as const;
  const start =
    url.protocol === "https:"
      ? await import("node:https").then(
          ({ request }) =>
            (answer: (response: IncomingMessage) => void): ClientRequest =>
              request(url, { ...options, rejectUnauthorized: false }, answer),
        )
      : (answer: (response: IncomingMessage) => void): ClientRequest => requestHttp(url, options, answer);
  return new Promise((resolve, reject) => {
    const call = start((response) => {
      let body = "";
      const finish = (): void => {
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body });
        call.destroy();
      };
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
        if (body.length >= BODY_BYTES) finish();
      });
      response.on("end", finish);
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end();
  });
}
