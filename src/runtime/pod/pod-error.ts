/** Why a container cannot be started now, in the words that kubectl shows. */
export class ContainerError extends Error {
  /** The waiting reason, such as `CreateContainerConfigError`. */
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ContainerError";
    this.reason = reason;
  }
}

export function configError(message: string): ContainerError {
  return new ContainerError("CreateContainerConfigError", message);
}
