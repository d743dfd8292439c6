import { test, type TestContext } from "node:test";

/** Whether this user may start labs. */
export const canStartLabs: boolean = process.getuid?.() === 0;

/** A test in a lab. A user without root cannot start one, and has this test not at all. */
export function labTest(name: string, body: (t: TestContext) => Promise<void> | void): void {
  if (canStartLabs) test(name, body);
}
