import type { ReadStream } from "node:tty";

export interface AskSecretOptions {
  readonly signal?: AbortSignal;
  readonly input?: ReadStream;
  readonly output?: { write(text: string): unknown };
}

const INTERRUPT = "\u0003";
const END = "\u0004";
const ERASE = ["\u0008", "\u007f"];

/** Asks at the terminal without showing what is typed. Rejects when it is interrupted. */
export function askSecret(
  question: string,
  { signal, input = process.stdin as ReadStream, output = process.stderr }: AskSecretOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = "";
    const done = (end: () => void): void => {
      input.off("data", read);
      signal?.removeEventListener("abort", stop);
      input.setRawMode(false);
      input.pause();
      output.write("\n");
      end();
    };
    const stop = (): void => done(() => reject(signal?.reason ?? new Error("interrupted")));
    const read = (chunk: string): void => {
      for (const letter of chunk) {
        if (letter === INTERRUPT) return done(() => reject(new Error("interrupted")));
        if (letter === "\r" || letter === "\n" || letter === END) return done(() => resolve(typed));
        if (ERASE.includes(letter)) typed = typed.slice(0, -1);
        else typed += letter;
      }
    };
    if (signal?.aborted) return stop();
    signal?.addEventListener("abort", stop, { once: true });
    input.setRawMode(true);
    output.write(question);
    input.setEncoding("utf8").on("data", read);
    input.resume();
  });
}
