const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

const LABEL_TOO_LONG = "must be no more than 63 characters";
const SUBDOMAIN_TOO_LONG = "must be no more than 253 characters";

/** Each function gives upstream's sentences (apimachinery `util/validation`) for what is wrong with `text`; none if valid. */
export function dnsLabelProblems(text = ""): string[] {
  const problems = text.length > 63 ? [LABEL_TOO_LONG] : [];
  if (!DNS_LABEL.test(text)) {
    problems.push(
      DNS_SUBDOMAIN.test(text)
        ? "must not contain dots"
        : pattern(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
            "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
            ["my-name", "123-abc"],
          ),
    );
  }
  return problems;
}

export function dns1035LabelProblems(text = ""): string[] {
  const problems = text.length > 63 ? [LABEL_TOO_LONG] : [];
  if (!DNS_1035_LABEL.test(text)) {
    problems.push(
      pattern(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        "[a-z]([-a-z0-9]*[a-z0-9])?",
        ["my-name", "abc-123"],
      ),
    );
  }
  return problems;
}

export function dnsSubdomainProblems(text = ""): string[] {
  const problems = text.length > 253 ? [SUBDOMAIN_TOO_LONG] : [];
  if (!DNS_SUBDOMAIN.test(text)) {
    problems.push(
      pattern(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
        "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        ["example.com"],
      ),
    );
  }
  return problems;
}

/** `*.example.com`: one wildcard label before a subdomain. */
export function wildcardSubdomainProblems(text = ""): string[] {
  const problems = text.length > 253 ? [SUBDOMAIN_TOO_LONG] : [];
  if (!text.startsWith("*.") || !DNS_SUBDOMAIN.test(text.slice(2))) {
    problems.push(
      pattern(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
        ["*.example.com"],
      ),
    );
  }
  return problems;
}

/** Keys of labels and annotations: `name` or `prefix/name`. */
export function qualifiedNameProblems(text = ""): string[] {
  const rule = pattern(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    ["MyName", "my.name", "123-abc"],
  );
  const problems: string[] = [];
  const parts = text.split("/");
  let name = text;
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    name = parts[1] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  } else if (parts.length > 2) {
    return [`a qualified name ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === "") problems.push("name part must be non-empty");
  else if (name.length > 63) problems.push(`name part ${LABEL_TOO_LONG}`);
  if (!QUALIFIED_NAME.test(name)) problems.push(`name part ${rule}`);
  return problems;
}

export function labelValueProblems(text = ""): string[] {
  const problems = text.length > 63 ? [LABEL_TOO_LONG] : [];
  if (!LABEL_VALUE.test(text)) {
    problems.push(
      pattern(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
        ["MyValue", "my_value", "12345"],
      ),
    );
  }
  return problems;
}

/** Keys of ConfigMaps and Secrets. */
export function configKeyProblems(text = ""): string[] {
  const problems = text.length > 253 ? [SUBDOMAIN_TOO_LONG] : [];
  if (!CONFIG_KEY.test(text)) {
    problems.push(
      pattern("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", "[-._a-zA-Z0-9]+", [
        "key.name",
        "KEY_NAME",
        "key-name",
      ]),
    );
  }
  if (text === ".") problems.push("must not be '.'");
  if (text === "..") problems.push("must not be '..'");
  else if (text.startsWith("..")) problems.push("must not start with '..'");
  return problems;
}

export function envNameProblems(text = ""): string[] {
  const problems: string[] = [];
  if (!ENV_NAME.test(text)) {
    problems.push(
      pattern(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        "[-._a-zA-Z][-._a-zA-Z0-9]*",
        ["my.env-name", "MY_ENV.NAME", "MyEnvName1"],
      ),
    );
  }
  if (text === ".") problems.push("must not be '.'");
  if (text === "..") problems.push("must not be '..'");
  else if (text.startsWith("..")) problems.push("must not start with '..'");
  return problems;
}

/** IANA service names, as ports are named. */
export function portNameProblems(text = ""): string[] {
  const problems: string[] = [];
  if (text.length > 15) problems.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/.test(text))
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(text)) problems.push("must contain at least one letter (a-z)");
  if (text.includes("--")) problems.push("must not contain consecutive hyphens");
  if (text !== "" && (text.startsWith("-") || text.endsWith("-"))) {
    problems.push("must not begin or end with a hyphen");
  }
  return problems;
}

/** Names that become one path segment: RBAC's roles. */
export function pathSegmentProblems(text = ""): string[] {
  if (text === "." || text === "..") return [`may not be '${text}'`];
  return ["/", "%"].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
}

function pattern(sentence: string, regex: string, examples: readonly string[]): string {
  const list = examples.map((example) => `'${example}'`).join(",  or ");
  return `${sentence} (e.g. ${list}, regex used for validation is '${regex}')`;
}
