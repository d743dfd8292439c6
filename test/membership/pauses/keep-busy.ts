import { systemClock } from "../../../src/lib/clock.ts";

/**
 * `node keep-busy.ts MS`: keeps the main thread of the Node.js process that was sent SIGUSR1 busy for so long, by its
 * debugger, and prints how many milliseconds it was. Runs where that process's loopback is.
 */
const INSPECTOR = "http://127.0.0.1:9229/json";
const ms = Number(process.argv[2]);

async function target(): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const [first] = (await (await fetch(INSPECTOR)).json()) as { webSocketDebuggerUrl: string }[];
      if (first) return first.webSocketDebuggerUrl;
    } catch (error) {
      // It opens its port some time after the signal.
      if (attempt === 100) throw error;
    }
    await systemClock.sleep(50);
  }
}

const socket = new WebSocket(await target());
await new Promise((resolve, reject) => {
  socket.addEventListener("open", resolve);
  socket.addEventListener("error", () => reject(new Error("Cannot reach the debugger")));
});
const expression = `{ const began = Date.now(); while (Date.now() - began < ${ms}); Date.now() - began; }`;
const answer = new Promise<string>((resolve) =>
  socket.addEventListener("message", ({ data }) => resolve(String(data))),
);
socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression, returnByValue: true } }));
const { result } = JSON.parse(await answer) as { result: { result: { value: number } } };
process.stdout.write(String(result.result.value));
socket.close();
