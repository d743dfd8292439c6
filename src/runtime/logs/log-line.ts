/** One line of the CRI log format: `2026-01-02T03:04:05.678901234+00:00 stdout F text`. */
export interface LogLine {
  readonly time: string;
  /** False for a part of a line that goes on. */
  readonly full: boolean;
  readonly text: string;
}

export function parseLogLine(line: string): LogLine | undefined {
  const first = line.indexOf(" ");
  const second = line.indexOf(" ", first + 1);
  const third = line.indexOf(" ", second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  return { time: line.slice(0, first), full: line.slice(second + 1, third) !== "P", text: line.slice(third + 1) };
}

/** RFC 3339 with nanoseconds in UTC, as kubectl prints it. */
export function zuluTime(time: string): string {
  return time.endsWith("+00:00") ? `${time.slice(0, -6)}Z` : time;
}
