/** A job's tasks as a picture of them: columns of the graph, and a grid of chunks by rung. */

import type { TaskView } from "../../../api/types.ts";

/** The tasks of a graph that stand in one column, from left to right as work flows. */
export interface Column {
  kinds: readonly string[];
  tasks: readonly TaskView[];
}

/** One rendition's chunks in the order of the film. */
export interface Lane {
  rung: string;
  cells: readonly TaskView[];
}

const FLOW: readonly (readonly string[])[] = [["inspect"], ["plan"], ["chunk", "audio", "live"], ["stills", "captions"], ["publish"]];

/** Columns that have tasks, chunks left out: they are drawn as lanes. */
export function columnsOf(tasks: readonly TaskView[]): Column[] {
  return FLOW.map((kinds) => ({ kinds, tasks: tasks.filter((task) => kinds.includes(task.kind) && task.kind !== "chunk") })).filter(
    ({ kinds, tasks: here }) => here.length > 0 || (kinds.includes("chunk") && tasks.some((task) => task.kind === "chunk")),
  );
}

/** One lane for each rendition of the picture, in the order in which tasks were added. */
export function lanesOf(tasks: readonly TaskView[]): Lane[] {
  const lanes = new Map<string, TaskView[]>();
  for (const task of tasks) {
    if (task.kind !== "chunk") continue;
    const lane = lanes.get(task.rung ?? "") ?? [];
    lanes.set(task.rung ?? "", lane);
    lane.push(task);
  }
  return [...lanes].map(([rung, cells]) => ({ rung, cells: cells.sort((a, b) => (a.chunk ?? 0) - (b.chunk ?? 0)) }));
}

/** What went wrong on the way, the dead first. */
export function troublesOf(tasks: readonly TaskView[]): TaskView[] {
  const troubled = tasks.filter((task) => task.problem || task.last_words || (task.tried ?? 0) > 1);
  return troubled.sort((a, b) => Number(b.state === "dead") - Number(a.state === "dead"));
}

export const TASK_STATES: Record<string, string> = {
  waiting: "Waits for others",
  ready: "Ready",
  running: "At work",
  done: "Done",
  dead: "Given up",
  cancelled: "Cancelled",
};

/** A task in a line: `Chunk 3, v360`. */
export function taskName(task: TaskView): string {
  const kind = task.kind.charAt(0).toUpperCase() + task.kind.slice(1);
  if (task.kind === "chunk") return `Chunk ${task.chunk ?? 0}, ${task.rung ?? ""}`;
  return task.name ? `${kind} ${task.name}` : kind;
}
