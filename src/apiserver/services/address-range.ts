/** A range of IPv4 addresses, such as 10.43.0.0/16. */
export class AddressRange {
  readonly cidr: string;
  readonly #first: number;
  /** How many addresses there are, network and broadcast address among them. */
  readonly size: number;

  /** Throws for anything but an IPv4 range of /8 to /29. */
  constructor(cidr: string) {
    const [address = "", bits = ""] = cidr.split("/");
    const prefix = Number(bits);
    const number = toNumber(address);
    if (number === undefined || !/^\d+$/.test(bits) || prefix < 8 || prefix > 29) {
      throw new Error(`Cannot use ${JSON.stringify(cidr)} as a range of addresses: it must be IPv4, /8 to /29`);
    }
    this.size = 2 ** (32 - prefix);
    this.#first = number - (number % this.size);
    this.cidr = `${toText(this.#first)}/${prefix}`;
  }

  /** The address at an offset from the start of the range. */
  at(offset: number): string {
    return toText(this.#first + offset);
  }

  /** The offset of an address; undefined outside of the range, and for its network and broadcast address. */
  offset(address: string): number | undefined {
    const number = toNumber(address);
    if (number === undefined) return undefined;
    const offset = number - this.#first;
    return offset > 0 && offset < this.size - 1 ? offset : undefined;
  }
}

function toNumber(address: string): number | undefined {
  const parts = address.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
