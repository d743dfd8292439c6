import type { Wanted } from "./accept.ts";
import type { Exchange } from "./exchange.ts";

const VIEW_TYPES: Readonly<Record<Wanted["view"], string>> = {
  object: "",
  table: ";as=Table;g=meta.k8s.io;v=v1",
  partial: ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
  "partial-list": ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
};

/** Sends a value, or JSON that is serialised already, in the negotiated format. */
export async function sendView(exchange: Exchange, wanted: Wanted, body: unknown, status = 200): Promise<void> {
  const type = `application/${wanted.format}${VIEW_TYPES[wanted.view]}`;
  if (wanted.format === "json") {
    if (Buffer.isBuffer(body) && !exchange.pretty) return exchange.send(status, body, type);
    const value: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString()) : body;
    return exchange.send(status, JSON.stringify(value, undefined, exchange.pretty ? 2 : 0), type);
  }
  const { stringify } = await import("yaml");
  const value: unknown = Buffer.isBuffer(body) ? JSON.parse(body.toString()) : body;
  return exchange.send(status, stringify(value, { aliasDuplicateObjects: false }), type);
}
