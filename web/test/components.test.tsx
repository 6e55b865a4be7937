// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test } from "vitest";
import { InlineEdit } from "../src/console/table/inline_edit.tsx";
import { ProblemView } from "../src/shared/components/problem_view.tsx";
import { problemOf } from "../src/shared/problem.ts";

let root: HTMLElement;

beforeEach(() => {
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
});

const show = (what: preact.ComponentChild) => act(() => render(what, root));
const press = (input: Element, key: string) => act(() => void input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));

async function type(text: string): Promise<HTMLInputElement> {
  await act(() => root.querySelector("button")?.click());
  const input = root.querySelector("input") as HTMLInputElement;
  input.value = text;
  await act(() => void input.dispatchEvent(new Event("input", { bubbles: true })));
  return input;
}

test("Enter saves a cell once, although the field is left as well", async () => {
  const saved: string[] = [];
  await show(<InlineEdit value="Old" label="Name" check={() => undefined} onSave={(text) => saved.push(text)} />);
  const input = await type(" New ");

  await press(input, "Enter");
  await act(() => void input.dispatchEvent(new FocusEvent("blur")));

  expect(saved).toEqual(["New"]);
});

test("Escape leaves a cell as it was, and a broken rule is said and not saved", async () => {
  const saved: string[] = [];
  await show(<InlineEdit value="Old" label="Name" check={(text) => (text ? undefined : "needs a name")} onSave={(text) => saved.push(text)} />);

  await press(await type("New"), "Escape");
  const input = await type("");
  await press(input, "Enter");

  expect(root.textContent).toContain("needs a name");
  expect(saved).toEqual([]);
});

test("a problem shows its sentence, its code, what to do, and Retry", async () => {
  let retried = 0;
  const error = problemOf(503, JSON.stringify({ status: 503, code: "engines.busy", detail: "the store is busy", retry_after_s: 3 }));
  await show(<ProblemView error={error} onRetry={() => (retried += 1)} />);

  expect(root.textContent).toContain("The store is busy.");
  expect(root.textContent).toContain("Wait 3 s");
  expect(root.querySelector("code")?.textContent).toBe("engines.busy");
  await act(() => root.querySelector("button")?.click());
  expect(retried).toBe(1);
});
