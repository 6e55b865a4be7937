import "./rule.css";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Warned } from "../../../../api/types.ts";
import { Icon } from "../../../../shared/components/icons.tsx";
import { sentence } from "../../../../shared/problem.ts";
import type { Askable } from "./dimension.ts";
import { type Draft, filled, typed } from "./draft.ts";
import { changed, missingOf } from "./form.ts";
import { GroupView } from "./group_view.tsx";
import { placeOf } from "./place.ts";

export interface Told {
  problem: string;
  at: number;
  until: number;
  warnings: readonly Warned[];
}

interface Props {
  draft: Draft;
  onDraft: (draft: Draft) => void;
  dimensions: readonly Askable[];
  audiences: readonly string[];
  /** What the server says of the text; null until it has. */
  told: Told | null;
  label?: string;
  children?: ComponentChildren;
}

/** A rule as text and as a form; a change of one is seen in the other at once. */
export function RuleEditor({ draft, onDraft, dimensions, audiences, told, label = "Rule", children }: Props) {
  const missing = missingOf(draft.form);
  return (
    <div class="rule">
      <div class="rule-written">
        <RuleText draft={draft} label={label} onText={(text) => onDraft(typed(draft, text))} told={told} />
        {draft.unfinished === "form" && <p class="rule-waits">The text follows when the form below is complete.</p>}
        {children}
      </div>
      <section class={draft.unfinished === "text" ? "rule-form rule-form-waits" : "rule-form"} aria-label={`${label} as a form`}>
        {draft.unfinished === "text" && <p class="rule-waits">The form follows when the text above is a rule.</p>}
        <GroupView
          group={draft.form}
          outermost
          dimensions={dimensions}
          audiences={audiences}
          missing={missing}
          onChange={(id, change) => onDraft(filled(draft, changed(draft.form, id, change)))}
        />
      </section>
    </div>
  );
}

function RuleText({ draft, label, onText, told }: { draft: Draft; label: string; onText: (text: string) => void; told: Told | null }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    const element = area.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [draft.text]);
  const wrong = told?.problem && draft.unfinished !== "form" ? told : null;
  return (
    <div class={wrong ? "field field-wrong" : "field"}>
      <label for="rule-text">{label}</label>
      <textarea
        id="rule-text"
        ref={area}
        class="input rule-input"
        rows={2}
        spellcheck={false}
        autocapitalize="none"
        autocomplete="off"
        placeholder={'country in ("DE") and watched("noir", 30d)'}
        aria-describedby="rule-said"
        aria-invalid={Boolean(wrong)}
        value={draft.text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
      <div id="rule-said" role="status">
        {wrong && <Wrong text={draft.text} told={wrong} />}
        {!wrong && told && told.warnings.length > 0 && draft.unfinished === null && (
          <ul class="rule-warnings">
            {told.warnings.map((warned) => (
              <li key={warned.says}>
                <Icon name="warning" size={17} /> {sentence(warned.says)}
              </li>
            ))}
          </ul>
        )}
      </div>
    </div>
  );
}

function Wrong({ text, told }: { text: string; told: Told }) {
  const place = placeOf(text, told.at, told.until);
  return (
    <div class="rule-wrong">
      <p class="field-said">{sentence(told.problem)}</p>
      {text.trim() && told.until > 0 && (
        <pre aria-hidden="true">
          <span class="rule-line">{place.line}</span>
          {place.before}
          <mark>{place.wrong || " "}</mark>
          {place.after}
        </pre>
      )}
    </div>
  );
}
