import { useMemo, useState } from "preact/hooks";
import type { Checked, NewDimension, Rule } from "../../../api/types.ts";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { useResource } from "../../../shared/resource.ts";
import * as audienceCalls from "../audiences/calls.ts";
import { dimensionOf } from "../audiences/rule/asking.ts";
import { type Askable, askable } from "../audiences/rule/dimension.ts";
import { type Draft, draftOfRule } from "../audiences/rule/draft.ts";
import { EVERYBODY, mapLeaves } from "../audiences/rule/nodes.ts";
import { printRule } from "../audiences/rule/printing.ts";
import { RuleEditor, type Told } from "../audiences/rule/rule_editor.tsx";
import { useCheck } from "../audiences/rule/use_check.ts";
import { reachFigure, reachNote } from "../audiences/words.ts";
import { fieldsOf, nameOf } from "./kinds.ts";
import type { Around } from "./schema_form.tsx";

interface Props {
  path: string;
  rule: Rule | undefined;
  error: string | undefined;
  around: Around;
  onChange: (rule: Rule) => void;
}

/** The targeting of a line item, in the same editor as audiences. */
export function Targeting({ path, rule, error, around, onChange }: Props) {
  const [draft, setDraft] = useState(() => draftOfRule(rule ?? EVERYBODY));
  const shown = useResource("audience-dimensions", audienceCalls.dimensions);
  const references = around.recordsOf("audience");
  const own = around.recordsOf("dimension");
  const dimensions = useMemo(() => {
    const known = (shown.data ?? []).map(askable);
    const registered = own.map((record) => askable({ dimension: record.noun as NewDimension, stored: false, words: [], more_words: 0 }));
    return [...known, ...registered.filter((one) => !known.some((other) => other.name === one.name))];
  }, [shown.data, own]);
  const asked = draft.rule ? inAudienceWords(draft.rule, references.map((record) => [nameOf(record), String(fieldsOf(record)["audience"])])) : draft.text;
  const check = useCheck<Checked>(draft.unfinished === "form" ? "" : asked.trim(), (signal) => audienceCalls.check(asked, "ads", signal));
  const put = (next: Draft) => {
    setDraft(next);
    around.onUnfinished(path, next.rule === null && next.text.trim() !== "");
    if (next.rule) onChange(next.rule);
    else if (!next.text.trim() && !next.unfinished) onChange(EVERYBODY);
  };
  return (
    <section class="items targeting" aria-label="Targeting">
      <h2>Targeting</h2>
      {shown.error && <ProblemView error={shown.error} onRetry={shown.reload} small />}
      <RuleEditor draft={draft} onDraft={put} dimensions={dimensions} audiences={references.map(nameOf)} told={toldOf(check.told, draft, error)} label="Who may see it">
        {check.told?.reach && draft.rule && isOfProfiles(draft.rule, dimensions) && (
          <p class="muted" role="status">
            Reaches {reachFigure(check.told.reach)} {reachNote(check.told.reach)}.
          </p>
        )}
      </RuleEditor>
    </section>
  );
}

/** Whether all that a rule asks was stored of users: what only a request tells cannot be counted ahead. */
function isOfProfiles(rule: Rule, dimensions: readonly Askable[]): boolean {
  const asked = new Set<string>();
  mapLeaves(rule, (leaf) => {
    if (leaf.is !== "audience") asked.add(dimensionOf(leaf));
    return leaf;
  });
  asked.delete("");
  return [...asked].every((name) => dimensions.find((one) => one.name === name)?.stored);
}

/** The rule in the audiences' own names: line items name them by their references. */
function inAudienceWords(rule: Rule, references: readonly (readonly [string, string])[]): string {
  const names = new Map(references);
  return printRule(mapLeaves(rule, (leaf) => (leaf.is === "audience" ? { is: "audience", audience: names.get(leaf.audience) ?? leaf.audience } : leaf)));
}

/** What to say of the text: places only fit where the text is what was asked about. */
function toldOf(checked: Checked | null, draft: Draft, error: string | undefined): Told | null {
  if (error) return { problem: error, at: 0, until: 0, warnings: [] };
  if (!checked) return null;
  return draft.rule && checked.problem ? { ...checked, at: 0, until: 0 } : checked;
}
