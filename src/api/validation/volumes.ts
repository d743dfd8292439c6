import { duplicate, forbidden, invalid, notFound, required } from "../field-error.ts";
import type { FieldError } from "../field-error.ts";
import type { Container, Volume } from "../kinds.ts";
import { dnsLabelProblems } from "./names.ts";

export function volumeErrors(volumes: readonly Volume[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const path = `${field}[${index}]`;
    if (!volume.name) errors.push(required(`${path}.name`));
    else errors.push(...dnsLabelProblems(volume.name).map((problem) => invalid(`${path}.name`, volume.name, problem)));
    if (names.has(volume.name)) errors.push(duplicate(`${path}.name`, volume.name));
    names.add(volume.name);
    errors.push(...sourceErrors(volume, path));
  }
  return errors;
}

function sourceErrors(volume: Volume, field: string): FieldError[] {
  const kinds = Object.entries(volume).filter(([kind, source]) => kind !== "name" && source !== undefined);
  if (kinds.length === 0) return [required(field, "must specify a volume type")];
  const errors = kinds
    .slice(1)
    .map(([kind]) => forbidden(`${field}.${kind}`, "may not specify more than 1 volume type"));
  const { hostPath, secret, configMap, persistentVolumeClaim, downwardAPI, projected } = volume;
  if (hostPath) errors.push(...hostPathErrors(hostPath, `${field}.hostPath`));
  if (secret) {
    if (!secret.secretName) errors.push(required(`${field}.secret.secretName`));
    errors.push(...fileErrors(secret, `${field}.secret`));
  }
  if (configMap) {
    if (!configMap.name) errors.push(required(`${field}.configMap.name`));
    errors.push(...fileErrors(configMap, `${field}.configMap`));
  }
  if (downwardAPI) errors.push(...downwardErrors(downwardAPI, `${field}.downwardAPI`));
  for (const [index, source] of (projected?.sources ?? []).entries()) {
    const place = `${field}.projected.sources[${index}]`;
    if (source.configMap) errors.push(...fileErrors(source.configMap, `${place}.configMap`));
    if (source.secret) errors.push(...fileErrors(source.secret, `${place}.secret`));
    if (source.downwardAPI) errors.push(...downwardErrors(source.downwardAPI, `${place}.downwardAPI`));
  }
  if (persistentVolumeClaim && !persistentVolumeClaim.claimName) {
    errors.push(required(`${field}.persistentVolumeClaim.claimName`));
  }
  return errors;
}

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

function hostPathErrors({ path, type }: NonNullable<Volume["hostPath"]>, field: string): FieldError[] {
  if (!path) return [required(`${field}.path`)];
  const errors = path.split("/").includes("..") ? [invalid(`${field}.path`, path, "must not contain '..'")] : [];
  if (type !== undefined && !HOST_PATH_TYPES.includes(type)) {
    errors.push(invalid(`${field}.type`, type, `must be one of ${HOST_PATH_TYPES.slice(1).join(", ")}`));
  }
  return errors;
}

interface Files {
  readonly defaultMode?: number;
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[];
}

function fileErrors({ defaultMode, items = [] }: Files, field: string): FieldError[] {
  const errors = modeErrors(defaultMode, `${field}.defaultMode`);
  for (const [index, { key, path, mode }] of items.entries()) {
    const place = `${field}.items[${index}]`;
    if (!key) errors.push(required(`${place}.key`));
    if (!path) errors.push(required(`${place}.path`));
    else if (path.startsWith("/")) errors.push(invalid(`${place}.path`, path, "must be a relative path"));
    else errors.push(...reservedErrors(path, `${place}.path`));
    errors.push(...modeErrors(mode, `${place}.mode`));
  }
  return errors;
}

function downwardErrors({ defaultMode, items = [] }: NonNullable<Volume["downwardAPI"]>, field: string): FieldError[] {
  const errors = modeErrors(defaultMode, `${field}.defaultMode`);
  for (const [index, { path, mode }] of items.entries()) {
    const place = `${field}.items[${index}]`;
    if (!path) errors.push(required(`${place}.path`));
    else if (path.startsWith("/")) errors.push(invalid(`${place}.path`, path, "must be a relative path"));
    else errors.push(...reservedErrors(path, `${place}.path`));
    errors.push(...modeErrors(mode, `${place}.mode`));
  }
  return errors;
}

/** Names that begin with two dots are the volume's own. */
function reservedErrors(path: string, field: string): FieldError[] {
  if (path.split("/").includes("..")) return [invalid(field, path, "must not contain '..'")];
  return path.startsWith("..") ? [invalid(field, path, "must not start with '..'")] : [];
}

function modeErrors(mode: number | undefined, field: string): FieldError[] {
  const rule = "must be a number between 0 and 0777 (octal), both inclusive";
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalid(field, mode, rule)] : [];
}

export function mountErrors(container: Container, field: string, volumes: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const place = `${field}.volumeMounts[${index}]`;
    const { name, mountPath, subPath, subPathExpr } = mount;
    if (!name) errors.push(required(`${place}.name`));
    else if (!volumes.has(name)) errors.push(notFound(`${place}.name`, name));
    if (!mountPath) errors.push(required(`${place}.mountPath`));
    else if (paths.has(mountPath)) errors.push(invalid(`${place}.mountPath`, mountPath, "must be unique"));
    paths.add(mountPath);
    if (subPath && subPathExpr) {
      errors.push(invalid(`${place}.subPathExpr`, subPathExpr, "subPathExpr and subPath are mutually exclusive"));
    }
    for (const [key, value] of Object.entries({ subPath, subPathExpr })) {
      if (value?.startsWith("/")) errors.push(invalid(`${place}.${key}`, value, "must be a relative path"));
      else if (value?.split("/").includes(".."))
        errors.push(invalid(`${place}.${key}`, value, "must not contain '..'"));
    }
  }
  return errors;
}
