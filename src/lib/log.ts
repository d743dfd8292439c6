import { systemClock } from "./clock.ts";

export type Level = "debug" | "info" | "warn" | "error";
export type Fields = Readonly<Record<string, unknown>>;

/** Structured log lines. Never pass a secret: fields are written as they are. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds these fields to every line. */
  with(fields: Fields): Logger;
}

const ORDER: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogOptions {
  level?: Level;
  format?: "text" | "json";
  /** Where lines go; standard error by default. */
  write?: (line: string) => void;
}

export function createLogger({
  level = "info",
  format = process.stderr.isTTY ? "text" : "json",
  write = (line) => process.stderr.write(line),
}: LogOptions = {}): Logger {
  const build = (base: Fields): Logger => {
    const emit = (at: Level, message: string, fields: Fields = {}): void => {
      if (ORDER[at] < ORDER[level]) return;
      const all = { ...base, ...fields };
      write(`${printable(format === "json" ? jsonLine(at, message, all) : textLine(at, message, all))}\n`);
    };
    return {
      debug: (message, fields) => emit("debug", message, fields),
      info: (message, fields) => emit("info", message, fields),
      warn: (message, fields) => emit("warn", message, fields),
      error: (message, fields) => emit("error", message, fields),
      with: (fields) => build({ ...base, ...fields }),
    };
  };
  return build({});
}

/** Drops every line; for tests that do not look at logs. */
export const silentLogger: Logger = createLogger({ write: () => {} });

/** An error as one line of text, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : describeError(error.cause);
  // A message often quotes its cause already.
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}

/** What a terminal would take for a command, written out; JSON escapes only some of it. */
function printable(line: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what this is about
  return line.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

function plain(value: unknown): unknown {
  return value instanceof Error ? describeError(value) : value;
}

function jsonLine(level: Level, message: string, fields: Fields): string {
  const values = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
  return `${JSON.stringify({ time: new Date(systemClock.now()).toISOString(), level, msg: message, ...values })}`;
}

function textLine(level: Level, message: string, fields: Fields): string {
  const rest = Object.entries(fields)
    .map(([name, value]) => {
      const shown = plain(value);
      const text = typeof shown === "string" ? shown : JSON.stringify(shown);
      return ` ${name}=${text !== undefined && /[\s"]/.test(text) ? JSON.stringify(text) : text}`;
    })
    .join("");
  return `${new Date(systemClock.now()).toISOString().slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${message}${rest}`;
}
