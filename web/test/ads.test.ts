// @vitest-environment happy-dom

import { expect, test } from "vitest";
import { differences } from "../src/console/pages/ads/difference.ts";
import { decimal, microsOf, money } from "../src/console/pages/ads/money.ts";
import { fromLocal, toLocal } from "../src/console/pages/ads/moments.ts";
import { beginningOf, hintsOf, placed, problemsOf, type Schemas, words } from "../src/console/pages/ads/schema.ts";
import { batchId } from "../src/console/pages/audiences/new_batch.tsx";
import { admits, ROOMS, roomOf, rolesWords } from "../src/console/rooms.ts";

const schemas: Schemas = {
  Item: {
    type: "object",
    description: "What competes.\n\nArgs:\n    priority: 1 to 16 within its tier,\n        1 first.\n    low, high: Bounds.",
    properties: {
      is: { enum: ["item"] },
      name: { type: "string" },
      tier: { $ref: "#/components/schemas/Tier" },
      state: { $ref: "#/components/schemas/State", default: "draft" },
      priority: { type: "integer", default: 8 },
      high: { anyOf: [{ type: "number" }, { type: "null" }], default: null },
      flights: { type: "array", items: { $ref: "#/components/schemas/Flight" }, default: [] },
    },
    required: ["is", "name", "tier"],
  },
  Flight: { type: "object", properties: { begins_at: { type: "string", format: "date-time" }, units: { type: "integer", minimum: 0, default: 0 } }, required: ["begins_at"] },
  Tier: { enum: ["guaranteed", "house"] },
  State: { enum: ["active", "draft"] },
};
const item = schemas["Item"]!;

test("a form begins with what is usual, and asks for what is needed", () => {
  const value = beginningOf(schemas, item);
  expect(value).toEqual({ is: "item", name: "", tier: "guaranteed", state: "draft", priority: 8, high: null, flights: [] });
  expect([...problemsOf(schemas, item, value)]).toEqual([["name", "This is needed"]]);
});

test("what is wrong is said at its place, as deep as that is", () => {
  const value = { is: "item", name: "Spring", tier: "bronze", priority: 1.5, flights: [{ begins_at: "2026-12-01T00:00:00Z", units: 1 }, { begins_at: "soon", units: -1 }] };
  expect(Object.fromEntries(problemsOf(schemas, item, value))).toEqual({
    tier: "One of guaranteed, house",
    priority: "A whole number",
    "flights[1].begins_at": "A date and a time",
    "flights[1].units": "At least 0",
  });
});

test("a nullable field may stay empty", () => {
  expect(problemsOf(schemas, item, { is: "item", name: "x", tier: "house", high: null }).size).toBe(0);
});

test("hints are taken from the words of the schema", () => {
  expect(hintsOf(item)).toEqual({ priority: "1 to 16 within its tier, 1 first.", low: "Bounds." });
  expect(words("begins_at")).toBe("Begins at");
  expect(words("price_micros")).toBe("Price");
});

test("the server's sentence is put at the field that it names, and elsewhere left whole", () => {
  expect(placed("edits[0].flights[1].budget_micros: 5 is too little")).toEqual({ path: "flights[1].budget_micros", words: "5 is too little" });
  expect(placed("edits[0].name: 'x' is taken")).toEqual({ path: "name", words: "'x' is taken" });
  expect(placed("the order is at its end: nothing fits")).toEqual({ path: "", words: "the order is at its end: nothing fits" });
});

test("money goes to micros and back without a rounding", () => {
  for (const [text, micros] of [["20", 20_000_000], ["0.01", 10_000], ["1234567.654321", 1_234_567_654_321], ["3,50", 3_500_000]] as const) {
    expect(microsOf(text)).toBe(micros);
    expect(microsOf(decimal(micros))).toBe(micros);
  }
  expect([microsOf(""), microsOf("-1"), microsOf("1.2345678"), microsOf("1e3")]).toEqual([null, null, null, null]);
  expect(decimal(1_500_000)).toBe("1.50");
  expect(money(20_000_000, "EUR")).toBe("20.00\u00a0EUR");
});

test("a moment survives its field", () => {
  const moment = new Date("2026-12-24T20:15:30Z");
  expect(fromLocal(toLocal(moment))).toBe("2026-12-24T20:15:30.000Z");
  expect([fromLocal(""), fromLocal("soon"), toLocal(new Date("soon"))]).toEqual([null, null, ""]);
});

test("two versions are told apart field by field, and a rule as one", () => {
  const before = { is: "line_item", name: "A", caps: [{ at_most: 2 }], targeting: { is: "const", value: true } };
  const after = { is: "line_item", name: "B", caps: [], targeting: { is: "const", value: false } };
  expect(differences(before, after)).toEqual([
    { path: "name", before: "A", after: "B" },
    { path: "caps[0].at_most", before: "2", after: "" },
    { path: "targeting", before: '{"is":"const","value":true}', after: '{"is":"const","value":false}' },
  ]);
  expect(differences(before, before)).toEqual([]);
});

test("ad operations are let into their rooms, and into no others", () => {
  const open = ROOMS.filter((room) => admits(room, ["adops"])).map((room) => room.name);
  expect(open).toContain("Ads");
  expect(open).toContain("Audiences");
  expect(open).not.toContain("Titles");
  expect(open).not.toContain("Users");
  expect(ROOMS.filter((room) => admits(room, ["viewer"]))).toEqual([]);
  expect(ROOMS.every((room) => admits(room, ["operator"]))).toBe(true);
  expect(admits(roomOf("/console/ads/")!, ["editor"])).toBe(false);
  expect(rolesWords(["editor", "adops", "operator"])).toBe("editors, ad operations and operators");
});

test("a batch is first called after its file and the moment it was written", () => {
  const id = (name: string) => batchId({ name, lastModified: Date.UTC(2026, 10, 21, 9, 5, 7) });
  expect(id("users.parquet")).toBe("users-20261121-090507");
  expect(id("Käufe & mehr.csv.gz")).toMatch(/^[A-Za-z0-9._:-]{1,100}$/);
});
