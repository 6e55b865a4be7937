import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";

interface Props {
  value: string;
  label: string;
  number?: boolean;
  check: (text: string) => string | undefined;
  onSave: (text: string) => void;
}

/** A cell that becomes a field: Enter saves, Escape leaves it as it was. */
export function InlineEdit({ value, label, number = false, check, onSave }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const left = useRef(false);
  const editing = draft !== null;
  useEffect(() => {
    if (editing) input.current?.select();
  }, [editing]);

  const open = () => {
    left.current = false;
    setDraft(value);
  };
  if (draft === null) {
    return (
      <button type="button" ref={opener} class="inline-edit" aria-label={`${label}: ${value || "empty"}. Change it`} onClick={open}>
        <span class={value ? "" : "nothing"}>{value || "–"}</span>
        <Icon name="edit" size={15} />
      </button>
    );
  }
  const wrong = check(draft);
  // Leaving by a key takes the field away, and that is a blur too: it must not save twice.
  const leave = (save: boolean) => {
    if (left.current) return;
    left.current = true;
    if (save && !wrong && draft.trim() !== value) onSave(draft.trim());
    setDraft(null);
  };
  const leaveByKey = (save: boolean) => {
    leave(save);
    requestAnimationFrame(() => opener.current?.focus());
  };
  return (
    <span class={wrong ? "inline-field inline-wrong" : "inline-field"}>
      <input
        ref={input}
        class="input"
        aria-label={label}
        aria-invalid={Boolean(wrong)}
        inputMode={number ? "numeric" : "text"}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onBlur={() => leave(true)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !wrong) leaveByKey(true);
          if (event.key === "Escape") leaveByKey(false);
        }}
      />
      {wrong && (
        <span class="inline-rule" role="alert">
          {wrong}
        </span>
      )}
    </span>
  );
}
