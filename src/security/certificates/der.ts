/** Writes ASN.1 DER (ITU-T X.690), as much of it as X.509 certificates need. */

const SEQUENCE = 0x30;
const SET = 0x31;

function length(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes]);
  const digits: number[] = [];
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.from([0x80 | digits.length, ...digits]);
}

/** One element: tag, length, content. */
export function element(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(SEQUENCE, ...items);
}

export function set(...items: readonly Uint8Array[]): Buffer {
  return element(SET, ...items);
}

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const digits = bytes.subarray(start);
  const sign = (digits[0] ?? 0) >= 0x80 || digits.length === 0 ? [0] : [];
  return element(0x02, Buffer.from(sign), digits);
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 | (left & 0x7f));
    bytes.push(...groups);
  }
  return element(0x06, Buffer.from(bytes));
}

export function boolean(value: boolean): Buffer {
  return element(0x01, Buffer.from([value ? 0xff : 0]));
}

export function utf8String(text: string): Buffer {
  return element(0x0c, Buffer.from(text, "utf8"));
}

export function octetString(content: Uint8Array): Buffer {
  return element(0x04, content);
}

/** `unused` is the number of unused bits in the last byte. */
export function bitString(content: Uint8Array, unused = 0): Buffer {
  return element(0x03, Buffer.from([unused]), content);
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, as RFC 5280 4.1.2.5 demands. */
export function time(ms: number): Buffer {
  const iso = new Date(ms).toISOString();
  const digits = iso.slice(0, 19).replaceAll(/[-T:]/g, "");
  return Number(iso.slice(0, 4)) < 2050
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`, "ascii"))
    : element(0x18, Buffer.from(`${digits}Z`, "ascii"));
}

/** A context-specific element `[tag]`. */
export function context(tag: number, constructed: boolean, ...content: readonly Uint8Array[]): Buffer {
  return element(0x80 | (constructed ? 0x20 : 0) | tag, ...content);
}
