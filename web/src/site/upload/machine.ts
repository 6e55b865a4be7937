/** Where each file of an upload stands; pure, so that every turn of it can be tested. */

import type { Job, Problem } from "../../api/types.ts";
import { isCancelled } from "../../shared/steps.ts";

export type Stage =
  | { name: "draft" }
  | { name: "waiting" }
  | { name: "sending"; upload: string; sent_bytes: number; left_s: number | null; rate_bps: number; held: boolean }
  /** Working on a film that can be watched already has its slug. */
  | { name: "working"; upload: string; job: string; step: string; progress: number; speed: number; left_s: number | null; slug: string }
  | { name: "cancelling"; upload: string; job: string | null }
  | { name: "done"; slug: string }
  | { name: "refused"; problem: Problem }
  | { name: "cancelled" };

export interface Item {
  key: string;
  filename: string;
  size_bytes: number;
  name: string;
  synopsis: string;
  stage: Stage;
}

export type Turn =
  | { turn: "add"; items: Omit<Item, "stage">[] }
  | { turn: "edit"; key: string; name?: string; synopsis?: string }
  | { turn: "remove"; key: string }
  | { turn: "start" }
  | { turn: "opened"; key: string; upload: string }
  | { turn: "held"; key: string; held: boolean }
  | { turn: "sent"; key: string; sent_bytes: number; rate_bps: number; left_s: number | null }
  | { turn: "received"; key: string; job: string }
  | { turn: "job"; job: Job; left_s: number | null }
  | { turn: "failed"; key: string; problem: Problem }
  | { turn: "cancel"; key: string }
  | { turn: "cancelled"; key: string }
  | { turn: "uncancelled"; key: string; job: Job }
  | { turn: "again"; key: string };

/** The items after a turn; a turn that does not fit the stage changes nothing. */
export function after(items: readonly Item[], turn: Turn): readonly Item[] {
  switch (turn.turn) {
    case "add":
      return [...items, ...turn.items.map((item): Item => ({ ...item, stage: { name: "draft" } }))];
    case "remove":
      return items.filter((item) => item.key !== turn.key || isBusy(item));
    case "start":
      return items.map((item) => (item.stage.name === "draft" ? { ...item, stage: { name: "waiting" } } : item));
    case "job":
      return items.map((item) => ("job" in item.stage && item.stage.job === turn.job.id ? withJob(item, turn.job, turn.left_s) : item));
    default:
      return items.map((item) => (item.key === turn.key ? turned(item, turn) : item));
  }
}

/** The file whose bytes are to go next: one at a time, in order. */
export function nextToSend(items: readonly Item[]): Item | null {
  if (items.some((item) => item.stage.name === "sending")) return null;
  return items.find((item) => item.stage.name === "waiting") ?? null;
}

/** Whether leaving the page would lose something: bytes here, or the word that nobody wants them. */
export function isBusy(item: Item): boolean {
  return ["sending", "waiting", "cancelling"].includes(item.stage.name);
}

type ItemTurn = Exclude<Turn, { turn: "add" | "remove" | "start" | "job" }>;

function turned(item: Item, turn: ItemTurn): Item {
  const { stage } = item;
  const to = (next: Stage): Item => ({ ...item, stage: next });
  switch (turn.turn) {
    case "edit":
      return stage.name === "draft" ? { ...item, name: turn.name ?? item.name, synopsis: turn.synopsis ?? item.synopsis } : item;
    case "opened":
      return stage.name === "waiting" ? to({ name: "sending", upload: turn.upload, sent_bytes: 0, left_s: null, rate_bps: 0, held: false }) : item;
    case "sent":
      return stage.name === "sending" ? to({ ...stage, sent_bytes: turn.sent_bytes, rate_bps: turn.rate_bps, left_s: turn.left_s }) : item;
    case "held":
      return stage.name === "sending" ? to({ ...stage, held: turn.held, left_s: null, rate_bps: 0 }) : item;
    case "received":
      return stage.name === "sending" ? to(working(stage.upload, turn.job)) : item;
    case "failed":
      return stage.name === "cancelled" || stage.name === "done" ? item : to({ name: "refused", problem: turn.problem });
    case "cancel":
      return cancelling(item);
    case "cancelled":
      return stage.name === "cancelling" ? to({ name: "cancelled" }) : item;
    case "uncancelled":
      return stage.name === "cancelling" ? withJob(to(working(stage.upload, turn.job.id)), turn.job, null) : item;
    case "again":
      return stage.name === "cancelled" || stage.name === "refused" ? to({ name: "waiting" }) : item;
  }
}

/** What the server knows of is cancelled when the server says so, and not before. */
function cancelling(item: Item): Item {
  const { stage } = item;
  if (stage.name === "waiting") return { ...item, stage: { name: "cancelled" } };
  if (stage.name === "sending") return { ...item, stage: { name: "cancelling", upload: stage.upload, job: null } };
  if (stage.name === "working") return { ...item, stage: { name: "cancelling", upload: stage.upload, job: stage.job } };
  return item;
}

function working(upload: string, job: string): Stage {
  return { name: "working", upload, job, step: "", progress: 0, speed: 0, left_s: null, slug: "" };
}

function withJob(item: Item, job: Job, left_s: number | null): Item {
  if (job.state === "done") return { ...item, stage: { name: "done", slug: job.title } };
  if (job.state === "refused" || job.state === "failed") {
    if (isCancelled(job)) return { ...item, stage: { name: "cancelled" } };
    return { ...item, stage: { name: "refused", problem: job.problem ?? unexplained(job) } };
  }
  if (item.stage.name !== "working") return item;
  const { step, progress, speed } = job;
  const slug = job.watchable ? job.title ?? "" : "";
  return { ...item, stage: { ...item.stage, step, progress, speed, left_s, slug } };
}

function unexplained(job: Job): Problem {
  return {
    type: "urn:bijou:site.unexplained",
    title: "Unexplained error",
    status: 500,
    detail: `the encode of ${job.filename} ${job.state === "failed" ? "failed" : "was refused"} without saying why`,
    code: "site.unexplained",
  };
}
