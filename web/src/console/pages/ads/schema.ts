/** JSON Schema as a form needs it: what a field is, where it begins, and what is wrong with it. */

export interface Schema {
  $ref?: string;
  type?: string;
  title?: string;
  description?: string;
  format?: string;
  enum?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  additionalProperties?: Schema | boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
}

export type Schemas = Readonly<Record<string, Schema>>;
export type Fields = Readonly<Record<string, unknown>>;

/** The schema that a reference stands for, with the default that stands beside it. */
export function resolved(schemas: Schemas, schema: Schema): Schema {
  if (!schema.$ref) return withoutNull(schemas, schema);
  const found = schemas[schema.$ref.split("/").at(-1) as string];
  if (!found) return {};
  return schema.default === undefined ? found : { ...found, default: schema.default };
}

/** A choice between something and nothing is that something, left empty. */
function withoutNull(schemas: Schemas, schema: Schema): Schema {
  const others = schema.anyOf?.filter((one) => one.type !== "null");
  if (others?.length !== 1 || others.length === schema.anyOf?.length) return schema;
  return { ...resolved(schemas, others[0] as Schema), default: null };
}

/** Whether a schema is that of rules. */
export function isRule(schema: Schema): boolean {
  return schema.anyOf?.some((one) => one.$ref?.endsWith("/InAudience")) ?? false;
}

/** What a field holds before anybody has written in it. */
export function beginningOf(schemas: Schemas, asked: Schema): unknown {
  const schema = resolved(schemas, asked);
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, below]) => [name, beginningOf(schemas, below)]));
    case "array":
      return [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return null;
    default:
      return "";
  }
}

/** Hints for people, by field: the `Args` of a description, where it has them. */
export function hintsOf(schema: Schema): Readonly<Record<string, string>> {
  const [, listed = ""] = (schema.description ?? "").split(/\n\s*Args:\n/);
  const hints: Record<string, string> = {};
  let field = "";
  for (const line of listed.split("\n")) {
    const found = /^\s*([a-z_]+(?:, [a-z_]+)*): (.+)$/.exec(line);
    if (found) field = (found[1] as string).split(", ")[0] as string;
    if (field && line.trim()) hints[field] = `${hints[field] ?? ""} ${found ? found[2] : line.trim()}`.trim();
  }
  return hints;
}

/** What is wrong with a value, by path such as `flights[0].begins_at`; what only the server knows is not among it. */
export function problemsOf(schemas: Schemas, asked: Schema, value: unknown, path = "", required = true): Map<string, string> {
  const schema = resolved(schemas, asked);
  const problems = new Map<string, string>();
  const own = isRule(schema) ? undefined : ownProblem(schema, value, required);
  if (own) problems.set(path, own);
  const add = (more: Map<string, string>) => more.forEach((words, place) => problems.set(place, words));
  if (schema.properties && typeof value === "object" && value !== null) {
    for (const [name, below] of Object.entries(schema.properties)) {
      add(problemsOf(schemas, below, (value as Fields)[name], path ? `${path}.${name}` : name, schema.required?.includes(name) ?? false));
    }
  }
  if (schema.items && Array.isArray(value)) {
    for (const [place, item] of value.entries()) add(problemsOf(schemas, schema.items, item, `${path}[${place}]`));
  }
  return problems;
}

function ownProblem(schema: Schema, value: unknown, required: boolean): string | undefined {
  const empty = value === undefined || value === null || value === "";
  if (empty) return required && schema.type !== "object" && schema.type !== "array" ? "This is needed" : undefined;
  if (schema.enum) return schema.enum.includes(value) ? undefined : `One of ${schema.enum.join(", ")}`;
  if (schema.type === "integer" || schema.type === "number") return numberProblem(schema, value);
  if (schema.type === "string") return textProblem(schema, String(value));
  return undefined;
}

function numberProblem(schema: Schema, value: unknown): string | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return "A number";
  if (schema.type === "integer" && !Number.isInteger(value)) return "A whole number";
  if (schema.minimum !== undefined && value < schema.minimum) return `At least ${schema.minimum.toLocaleString("en-GB")}`;
  return schema.maximum !== undefined && value > schema.maximum ? `At most ${schema.maximum.toLocaleString("en-GB")}` : undefined;
}

function textProblem(schema: Schema, text: string): string | undefined {
  const letters = [...text].length;
  if (schema.minLength !== undefined && letters < schema.minLength) return `At least ${schema.minLength} characters`;
  if (schema.maxLength !== undefined && letters > schema.maxLength) return `${letters} characters; at most ${schema.maxLength}`;
  if (schema.format === "date-time" && Number.isNaN(Date.parse(text))) return "A date and a time";
  return schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(text) ? `It must fit ${schema.pattern}` : undefined;
}

/** Where the server found something wrong: the path in the record, and the rest of the sentence. */
export function placed(detail: string): { path: string; words: string } {
  const plain = detail.replace(/^edits\[\d+\]\.?/, "").replace(/^noun\.?/, "");
  const found = /^([a-z_]+(?:\[\d+\]|\.[a-z_]+)*): (.+)$/s.exec(plain);
  return found ? { path: found[1] as string, words: found[2] as string } : { path: "", words: plain };
}

/** A field's name as people say it: `begins_at` is "Begins at". */
export function words(field: string): string {
  const plain = field.replace(/_(micros|ms|s|bps)$/, "").replaceAll("_", " ");
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** The unit that a field's name tells. */
export function unitOf(field: string): string {
  return { ms: "ms", s: "s", bps: "b/s" }[/_(ms|s|bps)$/.exec(field)?.[1] ?? ""] ?? "";
}
