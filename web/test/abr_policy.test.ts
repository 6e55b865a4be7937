import { expect, test } from "vitest";
import policy from "../../src/bijou/abr/policy.json";
import { AbrPolicy, ln, type Policy } from "../src/player/abr_policy.ts";
import sessions from "./abr_vectors.json";

const ours = policy as Policy;

test("every decision of the simulator is repeated, to the last bit", () => {
  for (const { bitrates_bps, segment_s, steps } of sessions) {
    const twin = new AbrPolicy(ours);
    twin.ladder(bitrates_bps, segment_s);
    for (const step of steps) {
      const [bits, time_s, first_byte_s] = step.observe as [number, number, number];
      const [buffer_s, limit_s, left_s] = step.standing as [number, number, number];
      twin.observe(bits, time_s, first_byte_s);
      const before = twin.decide({ buffer_s, limit_s, left_s });
      twin.took(before.rung);
      // The simulator wrote the values down once it had made up its mind.
      const { rung } = step;
      expect(before.rung).toBe(rung);
      expect(before.values).toEqual(step.values);

      const [place, size, got_bits, spent_s, first_s, level_s] = step.under_way as [number, number, number, number, number, number];
      const progress = { rung: place, bits: size, got_bits, time_s: spent_s, first_byte_s: first_s, buffer_s: level_s, limit_s, left_s };
      expect(twin.leave(progress)).toBe(step.left_for);
    }
  }
});

test("the vectors try both leaving and going on, and every rung", () => {
  const steps = sessions.flatMap((session) => session.steps);

  expect(steps.some((step) => step.left_for >= 0)).toBe(true);
  expect(steps.some((step) => step.left_for < 0)).toBe(true);
  expect(new Set(steps.map((step) => step.rung)).size).toBeGreaterThan(5);
});

test("the logarithm is the true one", () => {
  for (const x of [1, 1.5, 1.6, 2, 10, 26.08, 1e6]) expect(ln(x)).toBeCloseTo(Math.log(x), 13);
});

test("nothing is ready before the first download, and what is no expression is refused", () => {
  const fresh = new AbrPolicy(ours);

  expect(fresh.ready).toBe(false);
  expect(fresh.throughput_bps).toBe(0);
  expect(() => new AbrPolicy({ ...ours, value: ["power", 2, 3] })).toThrow(/no expression/);
  const unknown = new AbrPolicy({ ...ours, value: ["+", "moonlight", 1] });
  unknown.ladder([1e5, 2e5], 4);
  unknown.observe(1e5, 1, 0.1);
  expect(() => unknown.decide({ buffer_s: 4, limit_s: 30, left_s: 60 })).toThrow(/moonlight/);
});
