import { expect, test } from "vitest";
import type { TaskView } from "../src/api/types.ts";
import { columnsOf, lanesOf, taskName, troublesOf } from "../src/console/pages/job/graph.ts";
import { scales } from "../src/console/pages/job/hull_plot.tsx";

const chunk = (number: number, rung: string, more: Partial<TaskView> = {}): TaskView => ({ id: `g/chunk/${number}/${rung}`, kind: "chunk", state: "ready", rung, chunk: number, name: `${number}/${rung}`, ...more });
const one = (kind: string, more: Partial<TaskView> = {}): TaskView => ({ id: `g/${kind}`, kind, state: "done", ...more });

test("chunks are lanes by rendition, in the order of the film", () => {
  const lanes = lanesOf([one("plan"), chunk(1, "v480"), chunk(1, "v240"), chunk(0, "v480"), chunk(0, "v240")]);

  expect(lanes.map((lane) => [lane.rung, lane.cells.map((cell) => cell.chunk)])).toEqual([["v480", [0, 1]], ["v240", [0, 1]]]);
});

test("the graph flows from inspection to publication, and what has no tasks yet is left out", () => {
  const tasks = [one("publish"), one("plan"), one("inspect"), chunk(0, "v240")];

  expect(columnsOf(tasks).map(({ kinds }) => kinds[0])).toEqual(["inspect", "plan", "chunk", "publish"]);
  expect(columnsOf([one("inspect")]).map(({ kinds }) => kinds[0])).toEqual(["inspect"]);
});

test("troubles are tasks that were tried again or given up, the latter first", () => {
  const troubles = troublesOf([one("plan", { tried: 1 }), chunk(3, "v240", { tried: 2 }), chunk(4, "v240", { state: "dead", tried: 8 })]);

  expect(troubles.map(taskName)).toEqual(["Chunk 4, v240", "Chunk 3, v240"]);
});

test("a hull's axes hold all its points, cheap ones to the left and good ones above", () => {
  const points = [{ crf: 30, bits: 60_000, vmaf: 82 }, { crf: 20, bits: 900_000, vmaf: 97.4 }];
  const { x, y, xTicks, yTicks } = scales(points);

  expect(x(60_000)).toBeLessThan(x(900_000));
  expect(y(97.4)).toBeLessThan(y(82));
  for (const value of points.map((point) => x(point.bits))) expect(value).toBeGreaterThanOrEqual(44);
  expect(xTicks.length).toBeLessThan(9);
  expect(yTicks[0]).toBe(98);
});
