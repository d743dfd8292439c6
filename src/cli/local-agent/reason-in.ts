/** At most so many lines are worth reading at once. */
const MOST_LINES = 5;

/** What an agent that ended has said about it: its errors where it wrote any, else its last words. */
export function reasonIn(log: string): string {
  const lines = log
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map(readLine);
  const errors = lines.filter(({ level }) => level === "error");
  const plain = lines.filter(({ level }) => level === undefined);
  const said = errors.length > 0 ? errors : plain.length > 0 ? plain : lines;
  return [...new Set(said.map(({ text }) => text))].slice(-MOST_LINES).join("\n");
}

/** A line of the agent's log as JSON, or any other. */
function readLine(line: string): { readonly level?: string; readonly text: string } {
  try {
    const { level, msg, error } = JSON.parse(line) as { level?: string; msg?: string; error?: string };
    if (level === undefined || msg === undefined) return { text: line };
    return { level, text: error === undefined ? msg : `${msg}: ${error}` };
  } catch {
    return { text: line };
  }
}
