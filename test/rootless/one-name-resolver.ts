import { createSocket } from "node:dgram";
import { decode, encode } from "dns-packet";

/** A resolver that knows one address for every name. usage: one-name-resolver.ts LISTEN-ADDRESS ANSWER */
const [host = "", answer = ""] = process.argv.slice(2);
const socket = createSocket("udp4");
socket.on("message", (message, from) => {
  const { id = 0, questions = [] } = decode(message);
  const answers = questions.flatMap(({ name, type }) =>
    type === "A" ? [{ name, type: "A" as const, ttl: 1, data: answer }] : [],
  );
  socket.send(encode({ type: "response", id, questions, answers }), from.port, from.address);
});
socket.bind(53, host, () => process.stdout.write("ready\n"));
