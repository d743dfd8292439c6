import { inflateRawSync } from "node:zlib";

/**
 * One file out of a zip archive, by its full name. Understands what those archives use: stored and deflated entries
 * below 4 GB, without encryption (APPNOTE.TXT 4.3.12 and 4.3.16).
 */
export function readZipEntry(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  if (end < 0) throw new Error("Cannot read the archive: it is no zip file");
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    if (zip.toString("utf8", at + 46, at + 46 + nameLength) === name) return content(zip, at);
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`Cannot find ${name} in the archive`);
}

function content(zip: Buffer, entry: number): Buffer {
  const method = zip.readUInt16LE(entry + 10);
  const size = zip.readUInt32LE(entry + 20);
  const local = zip.readUInt32LE(entry + 42);
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const data = zip.subarray(start, start + size);
  if (method !== 0 && method !== 8) throw new Error(`Cannot read the archive: unknown compression ${method}`);
  return method === 0 ? data : inflateRawSync(data);
}
