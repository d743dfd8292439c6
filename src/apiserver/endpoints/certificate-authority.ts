import { ApiError } from "../../api/api-error.ts";
import { describeError } from "../../lib/log.ts";
import { decodeJson } from "../http/decode-body.ts";
import type { Endpoint } from "../http/endpoint.ts";
import type { Exchange } from "../http/exchange.ts";
import { readBody } from "../http/read-body.ts";
import type { CaControl, CaRotationOrder, ShownCa } from "../ports.ts";
import { methodNotAllowed } from "../objects/resource-handler.ts";

/**
 * Long enough for people to come back from a holiday and for hosts to come back from repair, short enough that a copy of
 * the old CA's key is worth nothing soon.
 */
const DEFAULT_OVERLAP_SECONDS = 30 * 86_400;
/** Certificates of clients last so long: nothing that the old CA has signed is good after it. */
const LONGEST_OVERLAP_SECONDS = 366 * 86_400;

/** `GET /api/v1/ca`: which CAs are believed; `POST /api/v1/ca/rotate` replaces the CA while everything runs. */
export class CertificateAuthority implements Endpoint {
  readonly #ca: CaControl;

  constructor(ca: CaControl) {
    this.#ca = ca;
  }

  async serve(exchange: Exchange): Promise<boolean> {
    const { method, path } = exchange;
    if (path === "/api/v1/ca") {
      if (method !== "GET") throw methodNotAllowed();
      const { signing, staged, older, compromised } = this.#ca.caStatus();
      const all = { signing: shown(signing), staged: staged && shown(staged), older: older.map(shown), compromised };
      await exchange.sendJson(200, all);
      return true;
    }
    if (path !== "/api/v1/ca/rotate") return false;
    if (method !== "POST") throw methodNotAllowed();
    await exchange.sendJson(200, { message: await this.#rotate(await ordered(exchange)) });
    return true;
  }

  async #rotate(order: CaRotationOrder): Promise<string> {
    try {
      return await this.#ca.rotateCa(order);
    } catch (error) {
      // Whoever may ask for this may know why: a member that does not answer, say.
      throw new ApiError("ServiceUnavailable", `Cannot replace the CA: ${describeError(error)}`);
    }
  }
}

async function ordered(exchange: Exchange): Promise<CaRotationOrder> {
  const text = (await readBody(exchange.request, exchange.signal)).toString("utf8");
  const body = text.trim() === "" ? {} : decodeJson(text).value;
  const fields = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const { overlap = DEFAULT_OVERLAP_SECONDS, compromised = false } = fields;
  if (typeof compromised !== "boolean") throw refused('"compromised" must be true or false');
  if (compromised && fields["overlap"] !== undefined) {
    throw refused('"overlap" is of no use with "compromised", after which nothing older is believed');
  }
  if (typeof overlap !== "number" || !Number.isInteger(overlap) || overlap < 1 || overlap > LONGEST_OVERLAP_SECONDS) {
    throw refused(`"overlap" must be a whole number of seconds from 1 to ${LONGEST_OVERLAP_SECONDS} (366 days)`);
  }
  return { overlapSeconds: overlap, compromised };
}

function refused(why: string): ApiError {
  return new ApiError("BadRequest", `Cannot replace the CA: ${why}`);
}

function shown({ fingerprint, until }: ShownCa): object {
  return { fingerprint, until };
}
