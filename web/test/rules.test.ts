import { expect, test } from "vitest";
import type { Rule } from "../src/api/types.ts";
import { waysOf, wayOf } from "../src/console/pages/audiences/rule/asking.ts";
import { draftOf, draftOfRule, filled, typed } from "../src/console/pages/audiences/rule/draft.ts";
import { changed, formOf, groupOf, isGroup, missingOf, ruleOf, type Test, testOf } from "../src/console/pages/audiences/rule/form.ts";
import { placeOf } from "../src/console/pages/audiences/rule/place.ts";
import { printRule } from "../src/console/pages/audiences/rule/printing.ts";
import { readRule } from "../src/console/pages/audiences/rule/reading.ts";
import { reachFigure, reachNote, share } from "../src/console/pages/audiences/words.ts";
import vectors from "./rule_vectors.json";

const rules = vectors.rules as unknown as { text: string; printed: string; tree: Rule }[];

/** The tree without what is as usual, which one side writes and the other leaves out. */
const bare = (rule: Rule): unknown => JSON.parse(JSON.stringify(rule, (_, value) => (value === null || value === false ? undefined : value)));

test.each(rules)("$text is read as the server reads it", ({ text, tree, printed }) => {
  const rule = readRule(text) as Rule;

  expect(bare(rule)).toEqual(bare(tree));
  expect(printRule(rule)).toBe(printed);
  expect(printRule(tree)).toBe(printed);
});

test.each(vectors.no_rules)("%s is no rule here either", (text) => {
  expect(readRule(text)).toBeNull();
});

test.each(rules)("$printed comes back from its form unchanged", ({ tree, printed }) => {
  expect(printRule(ruleOf(formOf(tree)))).toBe(printed);
});

test("a rule deeper than the server allows is no rule, and does not break the page", () => {
  expect(readRule("(".repeat(100_000) + "live")).toBeNull();
  expect(readRule("not ".repeat(60) + "live")).not.toBeNull();
});

test("a change of the text is seen in the form, and one of the form in the text", () => {
  const draft = typed(draftOf(""), 'country in ("DE") and not subscriber');
  expect(draft.form.of).toHaveLength(2);

  const subscriber = draft.form.of[1] as Test;
  const turned = filled(draft, changed(draft.form, subscriber.id, (part) => ({ ...(part as Test), holds: true })));

  expect(turned.text).toBe('country in ("DE") and subscriber');
  expect(turned.rule).toEqual(readRule(turned.text));
});

test("a form that lacks something leaves the text alone until it is complete", () => {
  const draft = draftOf("live");
  const added = testOf({ is: "in", dimension: "country", values: [] });
  const waiting = filled(draft, { ...draft.form, of: [...draft.form.of, added] });
  expect(waiting.unfinished).toBe("form");
  expect(waiting.text).toBe("live");
  expect(waiting.rule).toBeNull();
  expect(missingOf(waiting.form).get(added.id)).toBe("Name at least one value");

  const done = filled(waiting, changed(waiting.form, added.id, (part) => ({ ...(part as Test), leaf: { is: "in", dimension: "country", values: ["DE"] } })));

  expect(done.text).toBe('live and country in ("DE")');
});

test("a text that is no rule yet leaves the form alone, and an empty one is everybody", () => {
  const draft = draftOf("live");
  const half = typed(draft, "live and");
  expect(half.unfinished).toBe("text");
  expect(half.form).toBe(draft.form);

  const empty = typed(half, "  ");
  expect(empty.unfinished).toBeNull();
  expect(empty.form.of).toEqual([]);
  expect(filled(empty, groupOf("all")).text).toBe("true");
});

test("the last part that is taken away leaves everybody, and the whole form is never lost", () => {
  const { form } = draftOfRule({ is: "audience", audience: "kids" });
  expect(ruleOf(changed(form, form.of[0]!.id, () => null))).toEqual({ is: "const", value: true });
  expect(isGroup(changed(form, form.id, () => null))).toBe(true);
});

test("a group without a test is asked to have one, except where it is everybody", () => {
  const inner = groupOf("any");
  expect([...missingOf(groupOf("all", [inner])).keys()]).toEqual([inner.id]);
  expect(missingOf(groupOf("all")).size).toBe(0);
  expect(missingOf(groupOf("none")).size).toBe(1);
});

test("a test that is negated is never shown as its opposite", () => {
  const hours = waysOf({ name: "hours", kind: "number" });
  const over = { is: "range", dimension: "hours", low: 3, low_open: true } as const;
  expect(wayOf({ ...over }, true, hours)?.words).toBe("over");
  expect(wayOf({ ...over }, false, hours)).toMatchObject({ words: "not over", holds: false });

  const flag = waysOf({ name: "subscriber", kind: "flag" });
  const words = (value: boolean, holds: boolean) => wayOf({ is: "in", dimension: "subscriber", values: [value] }, holds, flag)?.words;
  expect([words(true, true), words(true, false)]).toEqual(["yes", "no"]);
});

test("each way of asking makes a test that it recognises", () => {
  for (const kind of ["category", "set", "integer", "number", "flag", "event"] as const) {
    const ways = waysOf({ name: "x", kind });
    for (const way of ways) {
      const leaf = way.of({ is: "const", value: true });
      const full = leaf.is === "range" ? { ...leaf, ...(way.key === "under" ? { high: 2 } : { low: 1 }) } : leaf;
      expect(wayOf(full, way.holds, ways)?.key, `${kind} ${way.words}`).toBe(way.key);
    }
  }
});

test("the place of an error is counted in characters, and shown in its own line", () => {
  expect(placeOf('city in ("𝔘")\nand agee > 3', 18, 22)).toEqual({ line: 2, column: 5, before: "and ", wrong: "agee", after: " > 3" });
  expect(placeOf("live and", 8, 8)).toEqual({ line: 1, column: 9, before: "live and", wrong: "", after: "" });
  expect(placeOf("a\nb", 1, 1)).toMatchObject({ line: 1, before: "a", wrong: "" });
});

test("counts of people are said as they may be told", () => {
  const reach = { users: 32_130, low: 32_000, high: 32_260, of: 200_000, exact: false, floor: 50, missing: 0 };
  expect(reachFigure(reach)).toBe("32,130");
  expect(reachNote(reach)).toBe("16\u00a0% of 200,000 users; 32,000 to 32,260, 19 times out of 20");
  expect(reachNote({ ...reach, exact: true, missing: 0.25 })).toContain("25\u00a0% of all could not be asked");
  expect(reachFigure({ ...reach, users: null })).toBe("under 50");
  expect([share(5, 0), share(null, 10), share(1, 5000), share(0, 10)]).toEqual(["–", "–", "< 0.1\u00a0%", "0\u00a0%"]);
});
