/** A file of ours that cannot be read as what it is: starting again would not help. The message says what would. */
export class DamagedFile extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DamagedFile";
  }
}
