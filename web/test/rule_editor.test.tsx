// @vitest-environment happy-dom

import { render } from "preact";
import { useState } from "preact/hooks";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { askable } from "../src/console/pages/audiences/rule/dimension.ts";
import { type Draft, draftOf } from "../src/console/pages/audiences/rule/draft.ts";
import { RuleEditor, type Told } from "../src/console/pages/audiences/rule/rule_editor.tsx";
import { useCheck } from "../src/console/pages/audiences/rule/use_check.ts";

let root: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers();
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  act(() => render(null, root));
  root.remove();
  vi.useRealTimers();
});

const dimensions = [
  askable({ dimension: { name: "country", kind: "category" }, stored: true, words: ["DE", "AT"], more_words: 0 }),
  askable({ dimension: { name: "device", kind: "category", values: ["tv", "phone"] }, stored: true, words: [], more_words: 0 }),
  askable({ dimension: { name: "age", kind: "integer" }, stored: true, words: [], more_words: 0 }),
];

let draft: Draft;

function Editor({ begin, told = null }: { begin: string; told?: Told | null }) {
  const [now, setNow] = useState(() => draftOf(begin));
  draft = now;
  return <RuleEditor draft={now} onDraft={setNow} dimensions={dimensions} audiences={["kids"]} told={told} />;
}

const show = (what: preact.ComponentChild) => act(() => render(what, root));
const find = <E extends Element = HTMLElement>(selector: string) => root.querySelector(selector) as unknown as E;

async function type(field: HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement, text: string) {
  field.value = text;
  await act(() => void field.dispatchEvent(new Event(field instanceof HTMLSelectElement ? "change" : "input", { bubbles: true })));
}

test("typing a rule fills the form, and choosing a value in the form writes the rule", async () => {
  await show(<Editor begin="" />);
  await type(find<HTMLTextAreaElement>("textarea"), 'device in ("tv") and in audience("kids")');
  expect(root.querySelectorAll(".rule-test")).toHaveLength(2);

  const phone = [...root.querySelectorAll<HTMLButtonElement>(".rule-choice")].find((one) => one.textContent === "phone");
  await act(() => phone?.click());

  expect(find<HTMLTextAreaElement>("textarea").value).toBe('device in ("tv", "phone") and in audience("kids")');
});

test("a test that is added waits for its values and says which", async () => {
  await show(<Editor begin="" />);
  await act(() => find<HTMLButtonElement>(".rule-add button").click());
  expect(root.textContent).toContain("Name at least one value");
  expect(draft.rule).toBeNull();

  await type(find<HTMLInputElement>(".rule-tokens input"), "DE,");

  expect(draft.text).toBe('country in ("DE")');
  expect(root.textContent).not.toContain("Name at least one value");
});

test("the kind of a group and the way of asking are chosen from lists", async () => {
  await show(<Editor begin={'country in ("DE") and age 25..34'} />);
  await type(find<HTMLSelectElement>(".rule-group-head select"), "none");
  expect(draft.text).toBe('not (country in ("DE") or age 25..34)');

  await type(find<HTMLSelectElement>(".rule-way"), "among!");
  expect(draft.text).toBe('not (country not in ("DE") or age 25..34)');
});

test("what is wrong is said under the text, with its place marked", async () => {
  const told = { problem: "line 1, column 1: there is no dimension 'agee'; did you mean age?", at: 0, until: 4, warnings: [] };
  await show(<Editor begin="agee > 3" told={told} />);

  expect(find("#rule-said").textContent).toContain("did you mean age?");
  expect(find("mark").textContent).toBe("agee");
  expect(find("textarea").getAttribute("aria-invalid")).toBe("true");
});

test("a warning is told of a rule that stands", async () => {
  await show(<Editor begin="age 30..40 and age > 60" told={{ problem: "", at: 0, until: 0, warnings: [{ kind: "never", says: "this can never match" }] }} />);
  expect(find(".rule-warnings").textContent).toContain("This can never match.");
});

test("an answer that was overtaken is dropped, and asking waits until typing rests", async () => {
  const asked: { text: string; answer: (told: string) => void; signal: AbortSignal }[] = [];
  function Asking({ text }: { text: string }) {
    const { told, pending } = useCheck(text, (signal) => new Promise<string>((answer) => void asked.push({ text, answer, signal })));
    return <p>{`${told ?? "nothing"}${pending ? " …" : ""}`}</p>;
  }
  await show(<Asking text="a" />);
  await show(<Asking text="ab" />);
  await act(() => void vi.advanceTimersByTime(300));
  expect(asked.map((one) => one.text)).toEqual(["ab"]);

  await show(<Asking text="abc" />);
  await act(() => void vi.advanceTimersByTime(300));
  expect(asked[0]!.signal.aborted).toBe(true);
  await act(async () => asked[1]!.answer("of abc"));
  await act(async () => asked[0]!.answer("of ab"));
  expect(root.textContent).toBe("of abc");

  await show(<Asking text="" />);
  expect(root.textContent).toBe("nothing");
});
