import type { Level } from "hls.js";
import { expect, test } from "vitest";
import { candidates, withoutTop } from "../src/player/abr_controller.ts";
import { decided } from "../src/player/figures_panel.tsx";

const level = (averageBitrate: number, codecSet = "avc1,mp4a", loadError = 0) => ({ averageBitrate, codecSet, videoRange: "SDR", loadError }) as Level;

test("rungs to choose among are allowed, of one codec, without errors, and rise", () => {
  const levels = [level(4e5), level(9e5, "av01,Opus"), level(2e6), level(1e6), level(2e6), level(5e6, "avc1,mp4a", 2), level(8e6)];

  expect(candidates(levels, 0, 6, levels[0])).toEqual([0, 3, 2, 6]);
  expect(candidates(levels, 2, 4, levels[0])).toEqual([3, 2]);
  expect(candidates(levels, 0, 1, undefined)).toEqual([0, 1]);
});

test("the present rung stays a candidate though it failed once", () => {
  const levels = [level(4e5), level(1e6, "avc1,mp4a", 1)];

  expect(candidates(levels, 0, 1, levels[1])).toEqual([0, 1]);
  expect(candidates(levels, 0, 1, levels[0])).toEqual([0]);
});

test("in a brown-out the tallest rungs are spared, unless there is nothing else", () => {
  const levels = [240, 480, 720, 720].map((height) => ({ height }));

  expect(withoutTop([0, 1, 2, 3], levels)).toEqual([0, 1]);
  expect(withoutTop([0, 1], levels)).toEqual([0, 1]);
  expect(withoutTop([2, 3], levels)).toEqual([2]);
});

test("the panel says what was chosen, and by how much", () => {
  const choice = { level: 2, levels: [0, 2], values: [0.5, 0.75], buffer_s: 12.34, throughput_bps: 4_000_000 };

  expect(decided({ choice, heights: [240, 480, 720] })).toMatch(/^720p, 0\.25 over 240p, at .*4.* and 12\.3 s$/);
  expect(decided({ choice: null, heights: [] })).toBe("none");
});
