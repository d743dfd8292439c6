import { chmodSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { receivedText } from "../../test/received-text.ts";

/** What a shell asks of the lab's keeper: words as they were typed. */
export type Order = readonly [command: string, ...args: string[]];

type Answer = { readonly said: unknown } | { readonly failed: string };

/** One connection is one order and its answer, both in JSON. */
export async function serveOrders(path: string, obey: (order: Order) => Promise<unknown>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket, obey));
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
  chmodSync(path, 0o600);
  return server;
}

async function answer(socket: Socket, obey: (order: Order) => Promise<unknown>): Promise<void> {
  let told: Answer;
  socket.on("error", () => {}); // who asked has gone: what was asked is done all the same
  try {
    told = { said: await obey(JSON.parse(await receivedText(socket)) as Order) };
  } catch (error) {
    told = { failed: (error as Error).message };
  }
  socket.end(JSON.stringify(told));
}

/** Resolves with what the keeper says, and rejects with its reason where it refuses or is not there. */
export async function giveOrder<T>(path: string, order: Order): Promise<T> {
  const socket = connect(path);
  socket.end(JSON.stringify(order));
  const answered = await receivedText(socket);
  if (answered === "") throw new Error("Cannot ask the lab: it ended before it answered");
  const told = JSON.parse(answered) as Answer;
  if ("failed" in told) throw new Error(told.failed);
  return told.said as T;
}
