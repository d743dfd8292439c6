import { runPsctl } from "../../src/cli/psctl.ts";

/** Runs psctl in this process with a kubeconfig, and resolves with what it prints; rejects with what it says else. */
export async function psctlText(kubeconfig: string, ...words: readonly string[]): Promise<string> {
  const texts = { out: "", err: "" };
  const code = await runPsctl([...words, "--kubeconfig", kubeconfig], {
    streams: {
      out: (text) => (texts.out += text),
      err: (text) => (texts.err += text),
      input: async () => "",
      terminal: false,
    },
    env: {},
    signal: new AbortController().signal,
  });
  if (code !== 0) throw new Error(texts.err);
  return texts.out;
}
