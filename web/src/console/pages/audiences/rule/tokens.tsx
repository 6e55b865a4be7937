import { useId, useState } from "preact/hooks";
import { Icon } from "../../../../shared/components/icons.tsx";
import type { Scalar } from "./nodes.ts";

interface Props {
  label: string;
  values: readonly Scalar[];
  /** What may be chosen from, besides what is typed. */
  known: readonly string[];
  /** Whether only whole numbers will do. */
  whole: boolean;
  onChange: (values: Scalar[]) => void;
}

/** Several values in one field: Enter or a comma ends one, Backspace takes the last away. */
export function Tokens({ label, values, known, whole, onChange }: Props) {
  const [text, setText] = useState("");
  const list = useId();
  const read = (written: string): Scalar[] => {
    const words = written.split(",").map((word) => word.trim()).filter(Boolean);
    return whole ? words.map(Number).filter(Number.isInteger) : words;
  };
  const wrong = text !== "" && whole && !/^-?\d*$/.test(text.trim());
  const take = (written: string) => {
    const fresh = read(written).filter((value) => !values.includes(value));
    if (fresh.length) onChange([...values, ...fresh]);
    setText("");
  };
  return (
    <span class="rule-tokens">
      {values.map((value) => (
        <span class="rule-token" key={String(value)}>
          {String(value)}
          <button type="button" aria-label={`Take ${String(value)} away`} onClick={() => onChange(values.filter((one) => one !== value))}>
            <Icon name="close" size={13} />
          </button>
        </span>
      ))}
      <input
        aria-label={label}
        list={list}
        aria-invalid={wrong}
        placeholder={values.length ? "" : whole ? "18, 21" : "DE, AT"}
        inputMode={whole ? "numeric" : "text"}
        autocapitalize="none"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          const written = event.currentTarget.value;
          const picked = !(event as InputEvent).data && known.includes(written);
          picked || written.includes(",") ? take(written) : setText(written);
        }}
        onBlur={() => text.trim() && !wrong && take(text)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            if (!wrong) take(text);
          }
          if (event.key === "Backspace" && !text && values.length) onChange(values.slice(0, -1));
        }}
      />
      <datalist id={list}>
        {known.filter((word) => !values.includes(word)).map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
    </span>
  );
}
