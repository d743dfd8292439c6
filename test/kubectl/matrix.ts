import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { TextPattern } from "./expect.ts";

export interface Outcome {
  run: string;
  exit: number;
  stdout: TextPattern[];
  stderr: TextPattern[];
  without: TextPattern[];
}

export type Check =
  | { kind: "get"; what: string; count?: number; like?: unknown; absent: boolean }
  | { kind: "http"; path: string; host: string; status: number; body?: TextPattern }
  | { kind: "run"; outcome: Outcome };

export interface Row {
  name: string;
  files: Record<string, string>;
  steps: Outcome[];
  check: Check[];
}

type Fields = Record<string, unknown>;

/** The rows of matrix.yaml; throws on anything that its head does not describe, so that a misspelt check is not lost. */
export function readMatrix(file: string = join(import.meta.dirname, "matrix.yaml")): Row[] {
  const matrix = fields("the matrix", parse(readFileSync(file, "utf8")), ["files", "rows"]);
  const common = matrix["files"] as Record<string, string>;
  return (matrix["rows"] as unknown[]).map((each) => {
    const row = fields("a row", each, ["name", "files", "steps", "check"]);
    const name = String(row["name"] as string);
    return {
      name,
      files: { ...common, ...(row["files"] as Record<string, string> | undefined) },
      steps: list(row["steps"]).map((step) => outcome(name, step)),
      check: list(row["check"]).map((check) => readCheck(name, check)),
    };
  });
}

function readCheck(row: string, value: unknown): Check {
  const given = value as Fields;
  if ("get" in given) {
    const check = fields(row, value, ["get", "count", "like", "absent"]);
    return {
      kind: "get",
      what: check["get"] as string,
      absent: check["absent"] === true,
      ...(check["count"] === undefined ? {} : { count: check["count"] as number }),
      ...(check["like"] === undefined ? {} : { like: check["like"] }),
    };
  }
  if ("http" in given) {
    const check = fields(row, value, ["http", "host", "status", "body"]);
    return {
      kind: "http",
      path: check["http"] as string,
      host: check["host"] as string,
      status: check["status"] as number,
      ...(check["body"] === undefined ? {} : { body: check["body"] as string }),
    };
  }
  return { kind: "run", outcome: outcome(row, value) };
}

function outcome(row: string, value: unknown): Outcome {
  const step = fields(row, value, ["run", "exit", "stdout", "stderr", "without"]);
  if (typeof step["run"] !== "string") throw new Error(`Cannot read the matrix: ${row}: a step without a command`);
  return {
    run: step["run"],
    exit: (step["exit"] as number | undefined) ?? 0,
    stdout: list(step["stdout"]) as string[],
    stderr: list(step["stderr"]) as string[],
    without: list(step["without"]) as string[],
  };
}

function fields(where: string, value: unknown, allowed: readonly string[]): Fields {
  const unknown = Object.keys(value as Fields).filter((name) => !allowed.includes(name));
  if (unknown.length > 0) throw new Error(`Cannot read the matrix: ${where}: unknown ${unknown.join(", ")}`);
  return value as Fields;
}

function list(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
