/** A rule being written: its text and its form, two views of one tree. */

import { formOf, type Group, groupOf, missingOf, ruleOf } from "./form.ts";
import type { Rule } from "./nodes.ts";
import { printRule } from "./printing.ts";
import { readRule } from "./reading.ts";

export interface Draft {
  text: string;
  form: Group;
  /** Null while the text is no rule, or the form lacks something. */
  rule: Rule | null;
  /** Which view was changed last and is not yet a rule; the other waits for it. */
  unfinished: "text" | "form" | null;
}

export function draftOf(text: string): Draft {
  return typed({ text: "", form: groupOf("all"), rule: null, unfinished: null }, text);
}

export function draftOfRule(rule: Rule): Draft {
  return { text: printRule(rule), form: formOf(rule), rule, unfinished: null };
}

/** The draft after a change of its text; the form follows as soon as that is a rule. */
export function typed(draft: Draft, text: string): Draft {
  const rule = readRule(text);
  if (rule) return { text, rule, form: formOf(rule), unfinished: null };
  const empty = !text.trim();
  return { text, rule: null, form: empty ? groupOf("all") : draft.form, unfinished: empty ? null : "text" };
}

/** The draft after a change of its form; the text follows as soon as nothing lacks. */
export function filled(draft: Draft, form: Group): Draft {
  if (missingOf(form).size) return { ...draft, form, rule: null, unfinished: "form" };
  const rule = ruleOf(form);
  return { text: printRule(rule), form, rule, unfinished: null };
}
