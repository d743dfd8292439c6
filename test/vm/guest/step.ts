/** Who runs a step: root, or a user who has a systemd of its own and subordinate ids. */
export type StepUser = "root" | "swarm";

/** One command in the virtual machine; it has succeeded when it exits with 0. */
export interface Step {
  readonly name: string;
  readonly user: StepUser;
  readonly command: readonly [string, ...string[]];
}

/** How a step ended. Seconds are the machine's own, of which each takes several. */
export interface StepEnd {
  readonly name: string;
  readonly code: number;
  readonly seconds: number;
}

/** What the program inside tells the one outside, each on a line of its own. */
export type Message =
  | { readonly type: "begin"; readonly name: string }
  | ({ readonly type: "end" } & StepEnd)
  | { readonly type: "done" };

const MARK = "@vm ";

export function formatMessage(message: Message): string {
  return `${MARK}${JSON.stringify(message)}`;
}

/** Undefined for a line of a step's own output. */
export function parseMessage(line: string): Message | undefined {
  return line.startsWith(MARK) ? (JSON.parse(line.slice(MARK.length)) as Message) : undefined;
}
