import { useEffect, useState } from "preact/hooks";
import type { Askable } from "./dimension.ts";
import type { In, Leaf, Occasion, Range, Scalar } from "./nodes.ts";
import { Tokens } from "./tokens.tsx";

interface Props<L extends Leaf = Leaf> {
  leaf: L;
  dimensions: readonly Askable[];
  audiences: readonly string[];
  onChange: (leaf: Leaf) => void;
}

/** The fields of one test, typed by the kind of its dimension. */
export function LeafValues({ leaf, ...rest }: Props) {
  switch (leaf.is) {
    case "in":
      return <Among leaf={leaf} {...rest} />;
    case "range":
      return <Bounds leaf={leaf} {...rest} />;
    case "audience":
      return <Choice label="Audience" value={leaf.audience} choices={rest.audiences} onChange={(audience) => rest.onChange({ ...leaf, audience })} />;
    case "recency":
      return (
        <>
          <Word label="With what" value={leaf.value} onChange={(value) => rest.onChange({ ...leaf, value })} />
          <Span seconds={leaf.within_s} onChange={(within_s) => rest.onChange({ ...leaf, within_s })} />
        </>
      );
    case "sequence":
      return (
        <>
          <Word label="First with what" value={leaf.first.value} onChange={(value) => rest.onChange({ ...leaf, first: { ...leaf.first, value } })} />
          <span class="rule-word">{leaf.absent ? "then not" : "then"}</span>
          <Then occasion={leaf.then} dimensions={rest.dimensions} onChange={(then) => rest.onChange({ ...leaf, then })} />
          <span class="rule-word">within</span>
          <Span seconds={leaf.within_s} onChange={(within_s) => rest.onChange({ ...leaf, within_s })} />
        </>
      );
    case "const":
      return null;
  }
}

function Among({ leaf, dimensions, onChange }: Props<In>) {
  const dimension = dimensions.find((one) => one.name === leaf.dimension);
  if (typeof leaf.values[0] === "boolean") return null;
  const put = (values: Scalar[]) => onChange({ ...leaf, values });
  if (dimension?.values.length) {
    return (
      <span class="rule-choices" role="group" aria-label={`Values of ${leaf.dimension}`}>
        {dimension.values.map((value) => {
          const on = leaf.values.includes(value);
          return (
            <button type="button" key={value} class="rule-choice" aria-pressed={on} onClick={() => put(on ? leaf.values.filter((one) => one !== value) : [...leaf.values, value])}>
              {value}
            </button>
          );
        })}
      </span>
    );
  }
  return <Tokens label={`Values of ${leaf.dimension}`} values={leaf.values} known={dimension?.words ?? []} whole={dimension?.kind === "integer"} onChange={put} />;
}

function Bounds({ leaf, dimensions, onChange }: Props<Range>) {
  const { low = null, high = null, low_open = false, high_open = false } = leaf;
  const dimension = dimensions.find((one) => one.name === leaf.dimension);
  const step = dimension?.kind === "integer" ? 1 : "any";
  const lower = !(high_open && low === null);
  const upper = !(low_open && high === null);
  const limits = [dimension?.low, dimension?.high].map((bound) => bound ?? undefined);
  return (
    <span class="rule-bounds">
      {lower && <NumberField label="From" value={low} step={step} limits={limits} onChange={(next) => onChange({ ...leaf, low: next })} />}
      {lower && upper && <span class="rule-word">–</span>}
      {upper && <NumberField label="To" value={high} step={step} limits={limits} onChange={(next) => onChange({ ...leaf, high: next })} />}
      {dimension?.unit && <span class="rule-word">{dimension.unit}</span>}
    </span>
  );
}

interface NumberProps {
  label: string;
  value: number | null;
  step: number | "any";
  limits?: readonly (number | undefined)[];
  onChange: (value: number | null) => void;
}

/** A number that may be half written, as `-` or `1.` are. */
function NumberField({ label, value, step, limits = [], onChange }: NumberProps) {
  const [text, setText] = useState(value === null ? "" : String(value));
  useEffect(() => {
    if ((text.trim() === "" ? null : Number(text)) !== value) setText(value === null ? "" : String(value));
  }, [value]);
  return (
    <input
      class="input rule-number"
      type="number"
      aria-label={label}
      step={step}
      min={limits[0]}
      max={limits[1]}
      value={text}
      onInput={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const number = next.trim() === "" ? null : Number(next);
        if (number === null || Number.isFinite(number)) onChange(number);
      }}
    />
  );
}

function Word({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return <input class="input rule-value" aria-label={label} placeholder="noir" maxLength={256} value={value} onInput={(event) => onChange(event.currentTarget.value)} />;
}

function Choice({ label, value, choices, onChange }: { label: string; value: string; choices: readonly string[]; onChange: (value: string) => void }) {
  return (
    <select class="input rule-value" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {!choices.includes(value) && <option value={value}>{value || "Choose…"}</option>}
      {choices.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Then({ occasion, dimensions, onChange }: { occasion: Occasion; dimensions: readonly Askable[]; onChange: (occasion: Occasion) => void }) {
  const events = dimensions.filter((one) => one.kind === "event").map((one) => one.name);
  return (
    <>
      <Choice label="Then what" value={occasion.event} choices={events} onChange={(event) => onChange({ ...occasion, event })} />
      <Word label="Then with what" value={occasion.value} onChange={(value) => onChange({ ...occasion, value })} />
    </>
  );
}

const UNITS = [
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
] as const;

function Span({ seconds, onChange }: { seconds: number; onChange: (seconds: number) => void }) {
  const [unit, setUnit] = useState(() => UNITS.find(([, length]) => seconds > 0 && seconds % length === 0)?.[1] ?? 1);
  const fits = Number.isInteger(seconds / unit) ? unit : 1;
  return (
    <span class="rule-bounds">
      <NumberField label="How long" value={seconds ? seconds / fits : null} step={1} limits={[1]} onChange={(next) => onChange(Math.round((next ?? 0) * fits))} />
      <select
        class="input rule-unit"
        aria-label="Unit of time"
        value={fits}
        onChange={(event) => {
          const next = Number(event.currentTarget.value);
          onChange(Math.round((seconds / fits) * next));
          setUnit(next as typeof unit);
        }}
      >
        {UNITS.map(([words, length]) => (
          <option key={words} value={length}>
            {words}
          </option>
        ))}
      </select>
    </span>
  );
}
