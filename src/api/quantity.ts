/** Suffixes of Kubernetes quantities (apimachinery `resource.Quantity`). */
const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?)$/;

/** A quantity as a number of its unit (cores, bytes, pods); undefined for text that is no quantity. */
export function parseQuantity(text: string | number): number | undefined {
  const match = QUANTITY.exec(String(text));
  if (!match) return undefined;
  const digits = Number(match[1]);
  return match[2] === undefined ? digits * (FACTORS[match[3] ?? ""] ?? 1) : digits * 10 ** Number(match[2]);
}

/** As `parseQuantity`, in thousandths and rounded up, so that sums of CPU shares are exact. 0 for what is missing. */
export function parseMilli(text: string | number | undefined): number {
  const value = text === undefined ? 0 : (parseQuantity(text) ?? 0);
  return Math.ceil(Number((value * 1000).toPrecision(15)));
}
