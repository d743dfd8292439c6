/** A file of ours that cannot be read as what it is: starting again would not help. The message says what would. */
export class DamagedFile extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DamagedFile";
  }
}

/** The refusal of a directory that stands where a file of ours belongs, if `error` says that; otherwise nothing. */
export function directoryInPlace(path: string, error: unknown): DamagedFile | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EISDIR") return undefined;
  return new DamagedFile(`Cannot use ${path}: it is a directory, not a file; move it away and start again`, {
    cause: error,
  });
}
