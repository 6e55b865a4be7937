import { expect, test } from "vitest";
import { Positions } from "../src/shared/resume.ts";

function storage(content: Record<string, string> = {}) {
  return { content, getItem: (key: string) => content[key] ?? null, setItem: (key: string, value: string) => void (content[key] = value) };
}

test("a position is found again, by another window too", () => {
  const kept = storage();
  new Positions(kept).save("a", 61, 600, 1);

  expect(new Positions(kept).of("a")).toEqual({ at_s: 61, duration_s: 600, saved_at: 1 });
  expect(new Positions(kept).of("b")).toBeNull();
});

test("the first seconds are no position, and the end takes it away", () => {
  const positions = new Positions(storage());
  positions.save("a", 5, 600, 1);
  expect(positions.of("a")).toBeNull();

  positions.save("a", 300, 600, 2);
  positions.save("a", 590, 600, 3);
  expect(positions.of("a")).toBeNull();
});

test("the latest begun comes first, and the oldest of very many is forgotten", () => {
  const positions = new Positions(storage());
  for (let i = 0; i < 205; i += 1) positions.save(`t${i}`, 60, 600, i);

  expect(positions.begun().slice(0, 2)).toEqual(["t204", "t203"]);
  expect(positions.begun()).toHaveLength(200);
  expect(positions.of("t4")).toBeNull();
});

test("a damaged or forbidden storage costs the place, not the film", () => {
  expect(new Positions(storage({ "bijou.positions": "{oops" })).of("a")).toBeNull();
  expect(new Positions(storage({ "bijou.positions": '{"a": {"at_s": "x"}, "b": 3}' })).begun()).toEqual([]);
  const full = { getItem: () => null, setItem: () => { throw new DOMException("full", "QuotaExceededError"); } };
  expect(() => new Positions(full).save("a", 60, 600, 1)).not.toThrow();
});
