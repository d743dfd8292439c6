interface CronField {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const FIELDS: readonly CronField[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of month", min: 1, max: 31 },
  {
    name: "month",
    min: 1,
    max: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

const WORDS = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
const DURATION = /^@every (?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** What is wrong with a cron schedule of five fields, of a word such as `@daily` or of `@every 5m`; undefined if valid. */
export function cronProblem(schedule: string): string | undefined {
  if (schedule.startsWith("@")) {
    return WORDS.includes(schedule) || DURATION.test(schedule) ? undefined : `unrecognized descriptor: ${schedule}`;
  }
  if (schedule.includes("TZ")) return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    return `expected exactly ${FIELDS.length} fields, found ${parts.length}: [${parts.join(" ")}]`;
  }
  for (const [index, field] of FIELDS.entries()) {
    for (const range of (parts[index] ?? "").split(",")) {
      const problem = rangeProblem(range, field);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function rangeProblem(range: string, field: CronField): string | undefined {
  const [span = "", step, ...more] = range.split("/");
  if (more.length > 0) return `too many slashes: ${range}`;
  if (step !== undefined && !/^[1-9]\d*$/.test(step)) return `step of range should be a positive number: ${range}`;
  if (span === "*" || span === "?") return undefined;
  const [low = "", high, ...rest] = span.split("-");
  if (rest.length > 0) return `too many hyphens: ${range}`;
  const start = valueOf(low, field);
  const end = high === undefined ? start : valueOf(high, field);
  if (start === undefined || end === undefined) return `failed to parse int from ${span} in the ${field.name}`;
  if (start < field.min) return `beginning of range (${start}) below minimum (${field.min}): ${range}`;
  if (end > field.max) return `end of range (${end}) above maximum (${field.max}): ${range}`;
  return start > end ? `beginning of range (${start}) beyond end of range (${end}): ${range}` : undefined;
}

function valueOf(text: string, { min, names }: CronField): number | undefined {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + min;
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
