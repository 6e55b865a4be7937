import { expect, test } from "vitest";
import { isPlainClick, match, queryOf, resolve, safeNext } from "../src/shared/router.ts";

test("a pattern gives its parameters, decoded", () => {
  expect(match("/t/:slug", "/t/caf%C3%A9")).toEqual({ slug: "café" });
  expect(match("/t/:slug", "/t/a/")).toEqual({ slug: "a" });
  expect(match("/", "/")).toEqual({});
});

test("an address that is shorter, longer or broken does not fit", () => {
  expect(match("/t/:slug", "/t")).toBeNull();
  expect(match("/t/:slug", "/t/a/b")).toBeNull();
  expect(match("/t/:slug", "/t/%E0%A4%A")).toBeNull();
  expect(match("/upload", "/uploads")).toBeNull();
});

test("the first route that fits answers", () => {
  const table = [["/t/new", 1], ["/t/:slug", 2]] as const;

  expect(resolve(table, "/t/new")).toEqual({ value: 1, params: {} });
  expect(resolve(table, "/t/old")).toEqual({ value: 2, params: { slug: "old" } });
  expect(resolve(table, "/x")).toBeNull();
});

test("signing in never leads to another site", () => {
  expect(safeNext("/upload?x=1")).toBe("/upload?x=1");
  for (const bad of [null, "", "upload", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"]) {
    expect(safeNext(bad)).toBe("/");
  }
});

test("a click with a modifier belongs to the browser", () => {
  const plain = { button: 0, metaKey: false, ctrlKey: false, shiftKey: false, altKey: false };

  expect(isPlainClick(plain)).toBe(true);
  expect(isPlainClick({ ...plain, ctrlKey: true })).toBe(false);
  expect(isPlainClick({ ...plain, button: 1 })).toBe(false);
});

test("an address carries only what is set, in a steady order", () => {
  expect(queryOf({ sort: "-name", q: "a b", cols: "" })).toBe("?q=a+b&sort=-name");
  expect(queryOf({ q: "" })).toBe("");
});
