import dgram from "node:dgram";
import net from "node:net";
import { systemClock } from "../../lib/clock.ts";

/**
 * What the tests run inside a network namespace:
 * `serve NAME PORT` answers each TCP connection and datagram with its name and the client's address;
 * `ask HOST PORT tcp|udp` prints the answer or the error's code;
 * `loop HOST PORT tcp|udp` asks until its input ends, over UDP from one port, then prints how often it got what.
 */
const [mode, first = "", second = "", protocol] = process.argv.slice(2);

function serve(name: string, port: number): void {
  net
    .createServer((socket) => socket.end(`${name} ${socket.remoteAddress}`))
    .listen(port, "0.0.0.0", () => {
      const socket = dgram.createSocket("udp4");
      socket.on("message", (_, from) => socket.send(`${name} ${from.address}`, from.port, from.address));
      socket.bind(port, () => process.stdout.write("ready\n"));
    });
}

function askTcp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect({ host, port, timeout: 10_000 });
    socket.on("timeout", () => socket.destroy(Object.assign(new Error("no answer"), { code: "TIMEOUT" })));
    socket.on("data", (chunk) => (text += chunk.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("end", () => resolve(text));
  });
}

function askUdp(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4");
    const finish = (text: string): void => {
      socket.close();
      resolve(text);
    };
    socket.on("message", (text) => finish(text.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.on(
      "close",
      systemClock.timer(10_000, () => finish("TIMEOUT")),
    );
    socket.connect(port, host, () => socket.send("?"));
  });
}

async function loop(ask: () => Promise<string>): Promise<void> {
  const counts: Record<string, number> = {};
  let over = false;
  process.stdin.on("end", () => (over = true)).resume();
  process.stdout.write("ready\n");
  while (!over) {
    const answer = (await ask()).split(" ")[0] ?? "";
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  process.stdout.write(JSON.stringify(counts));
}

/** The same socket for all questions, as a resolver or a metrics client has it. */
function udpAsker(host: string, port: number): () => Promise<string> {
  const socket = dgram.createSocket("udp4").unref();
  let answered: (text: string) => void = () => {};
  socket.on("message", (text) => answered(text.toString()));
  socket.on("error", (error: NodeJS.ErrnoException) => answered(error.code ?? error.message));
  return async () => {
    const answer = new Promise<string>((resolve) => (answered = resolve));
    socket.send("?", port, host);
    const text = await Promise.race([answer, systemClock.sleep(1000).then(() => "LOST")]);
    await systemClock.sleep(5);
    return text;
  };
}

const port = Number(second);
if (mode === "serve") serve(first, port);
else if (mode === "loop") void loop(protocol === "udp" ? udpAsker(first, port) : () => askTcp(first, port));
else void (protocol === "udp" ? askUdp : askTcp)(first, port).then((text) => process.stdout.write(text));
