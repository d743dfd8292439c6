/**
 * A Kubernetes object as it is in JSON: the generated model classes of `@kubernetes/client-node` (types only, erased at
 * run time) with dates as strings and with the generator's leading underscores (`_from`, `_default`) taken off.
 */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Name in keyof T as Name extends `_${infer Plain}` ? Plain : Name]: Wire<T[Name]> }
      : T;
