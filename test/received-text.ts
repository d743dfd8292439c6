import type { Readable } from "node:stream";

/**
 * Everything that a stream receives until its other side ends. A socket whose own side is still open stays so, which
 * `text` of node:stream/consumers does not grant: Node 26.10, and 24 before 24.21, destroy it then. Rejects when the
 * stream fails or is destroyed before.
 */
export function receivedText(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = "";
    stream.setEncoding("utf8").on("data", (piece: string) => (all += piece));
    stream.once("end", () => resolve(all));
    stream.once("error", reject);
    stream.once("close", () => reject(new Error("Cannot read to the end: the stream was destroyed")));
  });
}
