import { expect, test } from "vitest";
import type { Job, JobState, Problem } from "../src/api/types.ts";
import { mayComeAgain } from "../src/shared/problem.ts";
import { stepWords } from "../src/shared/steps.ts";
import { TimeLeft } from "../src/shared/time_left.ts";
import { after, isBusy, type Item, nextToSend, type Turn } from "../src/site/upload/machine.ts";

const file = (key: string) => ({ key, filename: `${key}.mp4`, size_bytes: 100, name: key, synopsis: "" });
const PROBLEM: Problem = { type: "urn:bijou:a.b", title: "x", status: 422, detail: "no", code: "a.b" };

function job(state: JobState, more: Partial<Job> = {}): Job {
  return {
    id: "job_1", asset: "ast_1", source: "s", filename: "a.mp4", new: { name: "a" }, state, created_at: "", step: "", progress: 0,
    attempts: 1, problem: null, title: "", speed: 0, version: 1, recipes: ["h264_aac"], priority: 4, deadline_at: null, watchable: false, ...more,
  };
}

const run = (...turns: Turn[]): readonly Item[] => turns.reduce<readonly Item[]>(after, []);
const stages = (items: readonly Item[]) => items.map(({ stage }) => stage.name);
const SENT: Turn[] = [
  { turn: "add", items: [file("a")] },
  { turn: "start" },
  { turn: "opened", key: "a", upload: "upl_1" },
  { turn: "received", key: "a", job: "job_1" },
];

test("a file goes from draft to done", () => {
  const told = { turn: "job", left_s: 3 } as const;

  expect(stages(run(...SENT.slice(0, 1)))).toEqual(["draft"]);
  expect(stages(run(...SENT.slice(0, 2)))).toEqual(["waiting"]);
  expect(stages(run(...SENT.slice(0, 3)))).toEqual(["sending"]);
  expect(stages(run(...SENT))).toEqual(["working"]);
  const working = run(...SENT, { ...told, job: job("running", { step: "chunk", progress: 0.4, speed: 3 }) });
  expect(working[0]?.stage).toMatchObject({ step: "chunk", progress: 0.4, speed: 3, left_s: 3 });
  expect(run(...SENT, { ...told, job: job("done", { title: "a-film" }) })[0]?.stage).toEqual({ name: "done", slug: "a-film" });
});

test("files are sent one after another, in their order", () => {
  const two = run({ turn: "add", items: [file("a"), file("b")] }, { turn: "start" });
  expect(nextToSend(two)?.key).toBe("a");

  const sending = after(two, { turn: "opened", key: "a", upload: "upl_1" });
  expect(nextToSend(sending)).toBeNull();

  const received = after(sending, { turn: "received", key: "a", job: "job_1" });
  expect(nextToSend(received)?.key).toBe("b");
});

test("a refusal before, while and after sending is shown with its problem", () => {
  const failed: Turn = { turn: "failed", key: "a", problem: PROBLEM };

  for (const upTo of [2, 3]) expect(run(...SENT.slice(0, upTo), failed)[0]?.stage).toEqual({ name: "refused", problem: PROBLEM });
  expect(run(...SENT, { turn: "job", job: job("refused", { problem: PROBLEM }), left_s: null })[0]?.stage).toEqual({ name: "refused", problem: PROBLEM });
  expect(run(...SENT, { turn: "job", job: job("failed"), left_s: null })[0]?.stage).toMatchObject({ problem: { code: "site.unexplained" } });
});

test("what waits is cancelled at once; what the server knows of, when the server has said so", () => {
  const cancel: Turn = { turn: "cancel", key: "a" };

  expect(stages(run(...SENT.slice(0, 2), cancel))).toEqual(["cancelled"]);
  expect(run(...SENT.slice(0, 3), cancel)[0]?.stage).toEqual({ name: "cancelling", upload: "upl_1", job: null });
  expect(run(...SENT, cancel)[0]?.stage).toEqual({ name: "cancelling", upload: "upl_1", job: "job_1" });
  expect(stages(run(...SENT, cancel, { turn: "cancelled", key: "a" }))).toEqual(["cancelled"]);
});

test("a cancel that came too late or was not heard says how it stands", () => {
  const cancelling = run(...SENT, { turn: "cancel", key: "a" });
  const still = (made: Job) => after(cancelling, { turn: "uncancelled", key: "a", job: made })[0]?.stage;

  expect(still(job("done", { title: "x" }))).toEqual({ name: "done", slug: "x" });
  expect(still(job("running", { step: "package", progress: 0.9 }))).toMatchObject({ name: "working", step: "package" });
  expect(after(cancelling, { turn: "job", job: job("done", { title: "x" }), left_s: null })[0]?.stage).toEqual({ name: "done", slug: "x" });
  expect(stages(after(cancelling, { turn: "job", job: job("running"), left_s: null }))).toEqual(["cancelling"]);
  expect(after(cancelling, { turn: "failed", key: "a", problem: PROBLEM })[0]?.stage).toEqual({ name: "refused", problem: PROBLEM });
});

test("an encode that somebody else cancelled is cancelled, and not refused", () => {
  const news = job("refused", { problem: { ...PROBLEM, code: "encoding.cancelled" } });

  expect(stages(run(...SENT, { turn: "job", job: news, left_s: null }))).toEqual(["cancelled"]);
});

test("only a fault that is not the file's is worth another try", () => {
  const problem = (status: number, code: string) => ({ ...PROBLEM, status, code });

  for (const hopeless of ["encoding.text", "encoding.undecodable", "ingest.empty", "ingest.too_large"]) expect(mayComeAgain(problem(422, hopeless))).toBe(false);
  for (const ours of [problem(503, "encoding.disk_full"), problem(0, "site.unreachable"), problem(422, "ingest.wrong_size"), problem(403, "http.csrf")]) expect(mayComeAgain(ours)).toBe(true);
});

test("what was cancelled stays cancelled, whatever arrives late, until it is asked for again", () => {
  const cancelled = run(...SENT, { turn: "cancel", key: "a" }, { turn: "cancelled", key: "a" });

  expect(stages(after(cancelled, { turn: "job", job: job("done", { title: "x" }), left_s: null }))).toEqual(["cancelled"]);
  expect(stages(after(cancelled, { turn: "failed", key: "a", problem: PROBLEM }))).toEqual(["cancelled"]);
  expect(stages(after(cancelled, { turn: "again", key: "a" }))).toEqual(["waiting"]);
});

test("news of another job changes nothing", () => {
  const items = run(...SENT);

  expect(after(items, { turn: "job", job: job("done", { id: "job_2", title: "x" }), left_s: null })).toEqual(items);
});

test("words change in a draft only, and only what is not on its way can be removed", () => {
  const draft = run({ turn: "add", items: [file("a")] }, { turn: "edit", key: "a", name: "Better" });
  expect(draft[0]).toMatchObject({ name: "Better", synopsis: "" });

  const sending = run(...SENT.slice(0, 3), { turn: "edit", key: "a", name: "Late" }, { turn: "remove", key: "a" });
  expect(sending.map(({ name }) => name)).toEqual(["a"]);
  expect(isBusy(sending[0] as Item)).toBe(true);
  expect(after(draft, { turn: "remove", key: "a" })).toEqual([]);
});

test("every turn in every stage leaves every file in exactly one stage", () => {
  const turns: Turn[] = [
    { turn: "start" }, { turn: "opened", key: "a", upload: "u" }, { turn: "sent", key: "a", sent_bytes: 9, rate_bps: 1, left_s: 1 },
    { turn: "received", key: "a", job: "job_1" }, { turn: "job", job: job("running"), left_s: null }, { turn: "job", job: job("done"), left_s: null },
    { turn: "failed", key: "a", problem: PROBLEM }, { turn: "cancel", key: "a" }, { turn: "again", key: "a" },
    { turn: "cancelled", key: "a" }, { turn: "uncancelled", key: "a", job: job("running") },
  ];
  const known = new Set(["draft", "waiting", "sending", "working", "done", "refused", "cancelling", "cancelled"]);
  let reached: (readonly Item[])[] = [run({ turn: "add", items: [file("a")] })];
  for (let depth = 0; depth < 4; depth += 1) {
    reached = reached.flatMap((items) => turns.map((turn) => after(items, turn)));
    for (const items of reached) {
      expect(items).toHaveLength(1);
      expect(known.has(items[0]?.stage.name ?? "")).toBe(true);
    }
  }
});

test("time left follows the last seconds, not the whole story", () => {
  const left = new TimeLeft();
  for (let s = 0; s <= 20; s += 1) left.note(s, s * 1000);
  for (let s = 1; s <= 12; s += 1) left.note(20 + s * 10, (20 + s) * 1000);

  expect(left.rate()).toBeCloseTo(10, 0);
  expect(left.left_s(240)).toBeCloseTo(10, 0);
});

test("time left is unknown until there is something to go by, and starts anew after a step back", () => {
  const left = new TimeLeft();
  expect(left.left_s(10)).toBeNull();
  left.note(1, 0);
  left.note(2, 1000);
  expect(left.left_s(10)).toBeNull();
  left.note(3, 2000);
  expect(left.left_s(10)).toBeCloseTo(7);

  left.note(0, 3000);
  expect(left.left_s(10)).toBeNull();
});

test("a film that can be watched while it arrives says where", () => {
  const early = run(...SENT, { turn: "job", job: job("running", { title: "tide", watchable: true, step: "chunk" }), left_s: null });

  expect(early[0]?.stage).toMatchObject({ name: "working", slug: "tide" });
  expect(run(...SENT, { turn: "job", job: job("running", { title: "tide" }), left_s: null })[0]?.stage).toMatchObject({ slug: "" });
});

test("steps are told in words", () => {
  expect(["", "inspect", "chunk", "audio", "publish", "polish"].map(stepWords)).toEqual([
    "Waiting for an encoder", "Inspecting", "Encoding", "Encoding sound", "Publishing", "Polish",
  ]);
});
