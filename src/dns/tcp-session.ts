import type { Socket } from "node:net";

export interface TcpSessionOptions {
  /** Milliseconds without a byte in either direction (RFC 7766 6.2.3 asks for some seconds). */
  idleTimeoutMs?: number;
  /** Queries of one connection that may be under way; reading pauses there. */
  maxPending?: number;
}

/** Unsent answers of one client beyond which nothing more is read from it. */
const MAX_UNSENT_BYTES = 262_144;

/**
 * Serves one client's connection: messages with a length of two bytes before each (RFC 1035 4.2.2), several in flight,
 * answered as they are ready (RFC 7766). `answer` resolves to undefined for what must not be answered.
 */
export function serveTcpSession(
  socket: Socket,
  answer: (message: Buffer) => Buffer | undefined | Promise<Buffer | undefined>,
  { idleTimeoutMs = 10_000, maxPending = 64 }: TcpSessionOptions = {},
): void {
  let unread: Buffer = Buffer.alloc(0);
  let pending = 0;
  let ended = false;

  const reply = (message: Buffer | undefined): void => {
    pending -= 1;
    if (message !== undefined && socket.writable) {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length, 0);
      socket.cork();
      socket.write(length);
      socket.write(message);
      socket.uncork();
    }
    pump();
  };
  const pump = (): void => {
    while (pending < maxPending && socket.writableLength < MAX_UNSENT_BYTES && unread.length >= 2) {
      const end = 2 + unread.readUInt16BE(0);
      if (unread.length < end) break;
      const message = unread.subarray(2, end);
      unread = unread.subarray(end);
      pending += 1;
      // Not awaited: the next message need not wait. Our own failure ends the connection, not the server.
      Promise.resolve(answer(message)).then(reply, (error: Error) => socket.destroy(error));
    }
    const full = pending >= maxPending || socket.writableLength >= MAX_UNSENT_BYTES;
    if (full) socket.pause();
    else socket.resume();
    if (ended && pending === 0) socket.end();
  };
  socket.on("data", (chunk: Buffer) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    pump();
  });
  socket.on("drain", pump);
  socket.on("end", () => {
    ended = true;
    pump();
  });
  // A client that breaks off is its own affair; "close" follows, and nothing of ours depends on the connection.
  socket.on("error", () => socket.destroy());
  socket.setTimeout(idleTimeoutMs, () => socket.destroy());
}
