// @vitest-environment happy-dom

import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Verdict } from "../src/console/pages/regions.tsx";
import { InlineEdit } from "../src/console/table/inline_edit.tsx";
import { CopyCommand } from "../src/shared/components/small.tsx";
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

const service = (name: string, healthy: boolean) => ({ name, healthy, address: "", since_at: "2026-11-21T10:00:00Z", restarts: 0 });

test("a verdict on the services is not green while nobody answers, and says how old it is", async () => {
  const services = [service("control", true), service("origin", true)];
  await show(<Verdict services={services} down={null} />);
  expect(root.querySelector(".verdict")?.className).toBe("verdict");

  await show(<Verdict services={services} down={new Date()} />);

  expect(root.querySelector(".verdict")?.className).toContain("verdict-old");
  expect(root.textContent).toBe("Last heard just now: all services are healthy");
  expect(root.querySelector("time")?.title).not.toBe("");
});

test("a service that is not healthy is named, and no services are not called healthy", async () => {
  await show(<Verdict services={[service("control", true), service("edge-east", false)]} down={null} />);
  expect(root.textContent).toBe("Not healthy: edge-east");

  await show(<Verdict services={[]} down={null} />);
  expect(root.textContent).not.toContain("healthy");
});

test("a command to copy begins as the house's own command line does", async () => {
  const fetched = globalThis.fetch;
  globalThis.fetch = async () => new Response(JSON.stringify({ version: "0", command: "./run", services: [] }));
  try {
    await show(<CopyCommand words="upload film.mp4" />);
    await vi.waitFor(() => expect(root.querySelector("code")?.textContent).toBe("./run upload film.mp4"));
  } finally {
    globalThis.fetch = fetched;
  }
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
