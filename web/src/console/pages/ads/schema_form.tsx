import { useEffect, useState } from "preact/hooks";
import type { AdRecord, Rule } from "../../../api/types.ts";
import { Icon } from "../../../shared/components/icons.tsx";
import { Field } from "../../../shared/components/small.tsx";
import { decimal, microsOf } from "./money.ts";
import { fromLocal, toLocal } from "./moments.ts";
import { keyOf, nameOf } from "./kinds.ts";
import { beginningOf, type Fields, hintsOf, isRule, resolved, type Schema, type Schemas, unitOf, words } from "./schema.ts";
import { Targeting } from "./targeting.tsx";

/** What every field of a form needs to know. */
export interface Around {
  schemas: Schemas;
  /** What is wrong, by path. */
  problems: ReadonlyMap<string, string>;
  /** The kind of record that a field names, by path without places. */
  names: Readonly<Record<string, string>>;
  recordsOf: (kind: string) => readonly AdRecord[];
  /** The names of audiences that are built. */
  audiences: readonly string[];
  currency: string;
  /** Called where a rule in the form is not one yet. */
  onUnfinished: (path: string, unfinished: boolean) => void;
}

interface Props {
  schema: Schema;
  value: Fields;
  path?: string;
  around: Around;
  /** Fields that are not shown: what a record cannot change. */
  without?: readonly string[];
  onChange: (value: Fields) => void;
}

/** A form made of a JSON Schema. */
export function SchemaForm({ schema, value, path = "", around, without = [], onChange }: Props) {
  const hints = hintsOf(schema);
  const required = new Set(schema.required);
  return (
    <>
      {inOrder(around.schemas, schema)
        .filter(([name]) => name !== "is" && !without.includes(name))
        .map(([name, below]) => (
          <Property
            key={name}
            name={name}
            path={path ? `${path}.${name}` : name}
            schema={below}
            hint={hints[name]}
            required={required.has(name)}
            value={value[name]}
            around={around}
            onChange={(next) => onChange(withField(value, name, next, required.has(name)))}
          />
        ))}
    </>
  );
}

/** The fields of a schema: those of one line first, then what takes the whole width. */
function inOrder(schemas: Schemas, schema: Schema): [string, Schema][] {
  const all = Object.entries(schema.properties ?? {}).map(([name, below]): [string, Schema] => [name, resolved(schemas, below)]);
  const isWide = ([, below]: [string, Schema]) => isRule(below) || below.type === "object" || (below.type === "array" && resolved(schemas, below.items ?? {}).type === "object");
  return [...all.filter((one) => !isWide(one)), ...all.filter(isWide)];
}

/** What is cleared and may lack is not sent: the server then puts what is usual. */
function withField(value: Fields, name: string, next: unknown, required: boolean): Fields {
  if (required || (next !== "" && next !== null)) return { ...value, [name]: next };
  const { [name]: _, ...rest } = value;
  return rest;
}

interface PropertyProps {
  name: string;
  path: string;
  schema: Schema;
  hint: string | undefined;
  required: boolean;
  value: unknown;
  around: Around;
  onChange: (value: unknown) => void;
}

function Property(props: PropertyProps) {
  const { name, path, schema, hint, value, around, onChange } = props;
  const error = around.problems.get(path);
  if (isRule(schema)) return <Targeting path={path} rule={value as Rule} error={error} around={around} onChange={onChange} />;
  if (schema.type === "array" && resolved(around.schemas, schema.items ?? {}).type === "object") return <Items {...props} />;
  if (schema.type === "object") return <ObjectField {...props} />;
  if (schema.type === "boolean") {
    return (
      <label class="tick-line">
        <input type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} /> {words(name)}
      </label>
    );
  }
  return (
    <Field label={label(name, around.currency)} hint={hint} error={error}>
      {(ids) => <Scalar ids={ids} {...props} />}
    </Field>
  );
}

function label(name: string, currency: string): string {
  const unit = name.endsWith("_micros") ? currency : unitOf(name);
  return unit ? `${words(name)}, ${unit}` : words(name);
}

type Ids = { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean };

const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

function Scalar({ ids, name, path, schema, required, value, around, onChange }: PropertyProps & { ids: Ids }) {
  const kind = around.names[path.replace(/\[\d+\]/g, "")];
  if (schema.type === "array") return <ListField ids={ids} kind={kind} values={(value as string[] | undefined) ?? []} around={around} onChange={onChange} />;
  if (kind) return <RecordSelect ids={ids} kind={kind} value={String(value ?? "")} required={required} around={around} onChange={onChange} />;
  if (schema.enum) return <Select ids={ids} value={String(value ?? "")} choices={schema.enum.map((word) => [String(word), plain(String(word))])} onChange={onChange} />;
  if (schema.format === "date-time") return <Moment ids={ids} value={String(value ?? "")} onChange={onChange} />;
  if (name.endsWith("_micros")) return <Money ids={ids} value={value as number | null} onChange={onChange} />;
  if (name === "weekday") return <Select ids={ids} value={String(value ?? "")} choices={WEEKDAYS.map((day, place) => [String(place), day])} onChange={(next) => onChange(Number(next))} />;
  if (name.endsWith("_minute")) return <TimeOfDay ids={ids} value={value as number | null} onChange={onChange} />;
  if (schema.type === "integer" || schema.type === "number") return <NumberInput ids={ids} value={value as number | null} onChange={onChange} />;
  return <input {...ids} class="input" autocomplete="off" value={String(value ?? "")} onInput={(event) => onChange(event.currentTarget.value)} />;
}

function plain(word: string): string {
  return word.replaceAll("_", " ");
}

function Select({ ids, value, choices, onChange }: { ids: Ids; value: string; choices: readonly (readonly [string, string])[]; onChange: (value: string) => void }) {
  return (
    <select {...ids} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {!choices.some(([key]) => key === value) && <option value={value}>{value || "Choose…"}</option>}
      {choices.map(([key, shown]) => (
        <option key={key} value={key}>
          {shown}
        </option>
      ))}
    </select>
  );
}

interface RecordProps {
  ids: Ids;
  kind: string;
  value: string;
  required: boolean;
  around: Around;
  onChange: (value: string) => void;
}

function RecordSelect({ ids, kind, value, required, around, onChange }: RecordProps) {
  const records = kind === "audience()" ? around.audiences.map((name) => [name, name] as const) : around.recordsOf(kind).map((record) => [keyOf(record), nameOf(record)] as const);
  const none = required ? [] : [["", "–"] as const];
  return <Select ids={ids} value={value} choices={[...none, ...records]} onChange={onChange} />;
}

function Moment({ ids, value, onChange }: { ids: Ids; value: string; onChange: (value: string) => void }) {
  return <input {...ids} class="input" type="datetime-local" step={1} value={value ? toLocal(new Date(value)) : ""} onInput={(event) => onChange(fromLocal(event.currentTarget.value) ?? "")} />;
}

function Money({ ids, value, onChange }: { ids: Ids; value: number | null; onChange: (value: number | null) => void }) {
  return <Typed ids={ids} value={value} spell={decimal} read={microsOf} onChange={onChange} />;
}

function NumberInput({ ids, value, onChange }: { ids: Ids; value: number | null; onChange: (value: number | null) => void }) {
  return <Typed ids={ids} value={value} spell={String} read={readNumber} onChange={onChange} />;
}

function readNumber(text: string): number | null {
  const value = Number(text.trim());
  return text.trim() === "" || !Number.isFinite(value) ? null : value;
}

interface TypedProps {
  ids: Ids;
  value: number | null;
  spell: (value: number) => string;
  read: (text: string) => number | null;
  onChange: (value: number | null) => void;
}

/** A number that stays as it was typed, half written ones too. */
function Typed({ ids, value, spell, read, onChange }: TypedProps) {
  const [text, setText] = useState(value == null ? "" : spell(value));
  useEffect(() => {
    if (read(text) !== (value ?? null)) setText(value == null ? "" : spell(value));
  }, [value]);
  const put = (written: string) => {
    setText(written);
    onChange(read(written));
  };
  return <input {...ids} class="input number" inputMode="decimal" autocomplete="off" value={text} onInput={(event) => put(event.currentTarget.value)} />;
}

function TimeOfDay({ ids, value, onChange }: { ids: Ids; value: number | null; onChange: (value: number) => void }) {
  const choices = Array.from({ length: 49 }, (_, half) => half * 30);
  const all = value != null && !choices.includes(value) ? [...choices, value].sort((a, b) => a - b) : choices;
  const clock = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
  return <Select ids={ids} value={String(value ?? "")} choices={all.map((minutes) => [String(minutes), clock(minutes)])} onChange={(next) => onChange(Number(next))} />;
}

/** Several words, or several records by name. */
function ListField({ ids, kind, values, around, onChange }: { ids: Ids; kind: string | undefined; values: readonly string[]; around: Around; onChange: (values: string[]) => void }) {
  const [text, setText] = useState(values.join(", "));
  if (kind) {
    return (
      <span class="rule-choices" role="group" id={ids.id}>
        {around.recordsOf(kind).map((record) => {
          const key = keyOf(record);
          const on = values.includes(key);
          return (
            <button type="button" key={key} class="rule-choice" aria-pressed={on} onClick={() => onChange(on ? values.filter((one) => one !== key) : [...values, key])}>
              {nameOf(record)}
            </button>
          );
        })}
      </span>
    );
  }
  const put = (written: string) => {
    setText(written);
    onChange(written.split(",").map((word) => word.trim()).filter(Boolean));
  };
  return <input {...ids} class="input" autocomplete="off" placeholder="one, another" value={text} onInput={(event) => put(event.currentTarget.value)} />;
}

/** A list of things that each have fields. */
function Items({ name, path, schema, hint, value, around, onChange }: PropertyProps) {
  const item = resolved(around.schemas, schema.items ?? {});
  const values = (value as Fields[] | undefined) ?? [];
  const error = around.problems.get(path);
  return (
    <fieldset class="items">
      <legend>{words(name)}</legend>
      {(error ?? hint) && <p class={error ? "field-said items-wrong" : "field-said"}>{error ?? hint}</p>}
      {values.map((each, place) => (
        <div class="item" key={place}>
          {around.problems.get(`${path}[${place}]`) && <p class="field-said items-wrong">{around.problems.get(`${path}[${place}]`)}</p>}
          <SchemaForm schema={item} value={each} path={`${path}[${place}]`} around={around} onChange={(next) => onChange(values.map((one, at) => (at === place ? next : one)))} />
          <button
            type="button"
            class="icon-button icon-button-small item-remove"
            aria-label={`Take ${words(name).toLowerCase()} ${place + 1} away`}
            onClick={() => onChange(values.filter((_, at) => at !== place))}
          >
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
      <button type="button" class="button button-small" onClick={() => onChange([...values, beginningOf(around.schemas, item)])}>
        <Icon name="plus" size={16} /> Add
      </button>
    </fieldset>
  );
}

/** Fields of a known shape, or free ones as JSON. */
function ObjectField({ name, path, schema, hint, value, around, onChange }: PropertyProps) {
  if (schema.properties && Object.keys(schema.properties).length) {
    return (
      <fieldset class="items">
        <legend>{words(name)}</legend>
        <div class="item">
          <SchemaForm schema={schema} value={(value as Fields | undefined) ?? {}} path={path} around={around} onChange={onChange} />
        </div>
      </fieldset>
    );
  }
  return <Json label={words(name)} path={path} hint={hint} value={value} around={around} onChange={onChange} />;
}

function Json({ label: shown, path, hint, value, around, onChange }: { label: string; path: string; hint: string | undefined; value: unknown; around: Around; onChange: (value: unknown) => void }) {
  const [text, setText] = useState(JSON.stringify(value ?? {}, null, 2));
  const [wrong, setWrong] = useState(false);
  const put = (written: string) => {
    setText(written);
    try {
      onChange(JSON.parse(written));
      setWrong(false);
      around.onUnfinished(path, false);
    } catch {
      setWrong(true);
      around.onUnfinished(path, true);
    }
  };
  return (
    <Field label={shown} hint={hint ?? "JSON"} error={wrong ? "This is no JSON yet" : within(around.problems, path)}>
      {(ids) => <textarea {...ids} class="input rule-input" rows={4} spellcheck={false} value={text} onInput={(event) => put(event.currentTarget.value)} />}
    </Field>
  );
}

/** What is wrong at a path, or anywhere below it. */
function within(problems: ReadonlyMap<string, string>, path: string): string | undefined {
  const found = [...problems].find(([place]) => place === path || place.startsWith(`${path}.`) || place.startsWith(`${path}[`));
  return found && (found[0] === path ? found[1] : `${found[0]}: ${found[1]}`);
}
