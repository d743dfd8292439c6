import type { Message, ReplicaLinks, ReplicaQuestion } from "./replica-links.ts";

type Answers = Readonly<Record<string, (question: Message, from: string) => Promise<Message>>>;

/** Replicas in one process that hear each other as a network would let them: for tests. */
export class MemoryNetwork {
  readonly #answers = new Map<string, Answers>();
  /** The side on which each is; those on different sides do not hear each other. */
  readonly #sides = new Map<string, number>();
  /** Whether those that are parted still take each other for living. */
  unnoticed = false;
  /** Of each question, in the order of asking. */
  readonly asked: string[] = [];

  add(name: string, answers: Answers): void {
    this.#answers.set(name, answers);
    this.#sides.set(name, 0);
  }

  move(name: string, side: number): void {
    this.#sides.set(name, side);
  }

  /** The links of one replica. */
  of(name: string): ReplicaLinks {
    const others = (): string[] => [...this.#answers.keys()].filter((one) => one !== name);
    const reached = (other: string): boolean => this.#sides.get(other) === this.#sides.get(name);
    return {
      living: () => others().filter((other) => this.unnoticed || reached(other)),
      lost: () => others().filter((other) => !this.unnoticed && !reached(other)),
      ask: async (other, question) => {
        this.asked.push(`${name} ${question.kind} ${other}`);
        if (!reached(other)) throw new Error(`${other} cannot be reached`);
        const answer = await this.#answer(name, other, question);
        if (!reached(other)) throw new Error("the connection broke");
        return answer;
      },
    };
  }

  async #answer(from: string, to: string, question: ReplicaQuestion): Promise<Message> {
    const answer = this.#answers.get(to)?.[question.kind];
    if (!answer) throw new Error(`${to} does not know ${question.kind}`);
    return copy(await answer(copy(question), from));
  }
}

function copy(message: Message): Message {
  return JSON.parse(JSON.stringify(message)) as Message;
}
