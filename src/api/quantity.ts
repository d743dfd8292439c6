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
  if (!match || quantityProblem(String(text)) !== undefined) return undefined;
  const digits = Number(match[1]);
  return match[2] === undefined ? digits * (FACTORS[match[3] ?? ""] ?? 1) : digits * 10 ** Number(match[2]);
}

/** As `parseQuantity`, in thousandths and rounded up, so that sums of CPU shares are exact. 0 for what is missing. */
export function parseMilli(text: string | number | undefined): number {
  const value = text === undefined ? 0 : (parseQuantity(text) ?? 0);
  return Math.ceil(Number((value * 1000).toPrecision(15)));
}

/** Upstream's answer for text that is no quantity (apimachinery `resource.ErrFormatWrong`). */
export const QUANTITY_RULE =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Upstream's answer for an exponent out of its range (apimachinery `resource.ErrSuffix`). */
const SUFFIX_RULE = "unable to parse quantity's suffix";

/** What is wrong with the text, in upstream's words; undefined for a quantity. */
export function quantityProblem(text: string): string | undefined {
  const match = text.length <= 64 ? QUANTITY.exec(text) : null;
  if (match === null) return QUANTITY_RULE;
  const exponent = Number(match[2] ?? 0);
  return exponent > MAX_EXPONENT || exponent < MIN_EXPONENT ? SUFFIX_RULE : undefined;
}

const NANO = 10n ** 9n;
const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** No amount is as large, and with all digits that a text may have it is still a finite number. Upstream's is 2^31 - 1. */
const MAX_EXPONENT = 100;
const MIN_EXPONENT = -(2 ** 31 - 1);
/** Below it every text is less than a billionth, which is what it becomes. */
const LEAST_SCALE = -200;

type QuantityForm = "binary" | "decimal" | "exponent";

interface Exact {
  /** Billionths of the unit, rounded away from zero: the finest that Kubernetes keeps. */
  readonly nanos: bigint;
  readonly form: QuantityForm;
}

/** Throws a RangeError for text that is no quantity. */
function exact(text: string): Exact {
  const problem = quantityProblem(text);
  if (problem !== undefined) throw new RangeError(problem);
  const [, digits = "", exponent, suffix = ""] = QUANTITY.exec(text) ?? [];
  const negative = digits.startsWith("-");
  const [whole = "", fraction = ""] = digits.replace(/^[+-]/, "").split(".");
  const mantissa = BigInt(whole + fraction || "0");
  const power = BINARY.indexOf(suffix as (typeof BINARY)[number]) + 1;
  const tens = exponent === undefined ? (power > 0 ? 0 : (DECIMAL[suffix] ?? 0)) : Number(exponent);
  const scale = Math.max(LEAST_SCALE, tens) - fraction.length + 9;
  const value = mantissa * 1024n ** BigInt(power);
  const nanos = scale >= 0 ? value * 10n ** BigInt(scale) : divideUp(value, 10n ** BigInt(-scale));
  return {
    nanos: negative ? -nanos : nanos,
    form: exponent !== undefined ? "exponent" : power > 0 ? "binary" : "decimal",
  };
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** The form in which upstream writes a quantity back: `0.5` is `500m`, `1024Mi` is `1Gi`. RangeError if it is none. */
export function canonicalQuantity(text: string): string {
  const { nanos, form } = exact(text);
  return isKeptAsWritten(text) ? text : write(nanos, form);
}

/**
 * Upstream writes decimal numbers with three, six or nine places back as they came: `1.250` stays, `1.25` is `1250m`
 * (apimachinery `resource.ParseQuantity`). Patches compare texts, so this matters.
 */
function isKeptAsWritten(text: string): boolean {
  const [, digits = "", exponent, suffix = ""] = QUANTITY.exec(text) ?? [];
  const tens = exponent === undefined ? DECIMAL[suffix] : Number(exponent);
  const [whole = "", fraction = ""] = digits.replace(/^[+-]/, "").split(".");
  const all = whole + fraction;
  if (tens === undefined || fraction === "" || all.length > 18 || all.startsWith("0") || all.endsWith("000"))
    return false;
  const scale = tens - fraction.length;
  return scale >= -9 && scale % 3 === 0;
}

function write(nanos: bigint, form: QuantityForm): string {
  if (nanos === 0n) return "0";
  const sign = nanos < 0n ? "-" : "";
  const size = nanos < 0n ? -nanos : nanos;
  if (form === "binary" && size % NANO === 0n && size / NANO >= 1024n) {
    let value = size / NANO;
    let power = 0;
    while (power < BINARY.length && value % 1024n === 0n) {
      value /= 1024n;
      power++;
    }
    return `${sign}${value}${power === 0 ? "" : (BINARY[power - 1] ?? "")}`;
  }
  let value = size;
  let exponent = -9;
  while ((exponent < 18 || form === "exponent") && value % 1000n === 0n) {
    value /= 1000n;
    exponent += 3;
  }
  if (form === "exponent") return `${sign}${value}${exponent === 0 ? "" : `e${exponent}`}`;
  const suffix = Object.keys(DECIMAL).find((name) => DECIMAL[name] === exponent) ?? "";
  return `${sign}${value}${suffix}`;
}

/** The sum in canonical form, written as the first one is. RangeError if a text is no quantity. */
export function addQuantities(first: string, ...others: readonly string[]): string {
  const start = exact(first);
  const nanos = others.reduce((sum, text) => sum + exact(text).nanos, start.nanos);
  return write(nanos, start.form);
}

/** Negative, 0 or positive, exactly. RangeError if a text is no quantity. */
export function compareQuantities(a: string, b: string): number {
  const left = exact(a).nanos;
  const right = exact(b).nanos;
  return left < right ? -1 : left > right ? 1 : 0;
}
