/** The uploads of this window: kept while one looks at other pages. */

import { useEffect } from "preact/hooks";
import type { Job, Upload } from "../../api/types.ts";
import { toast } from "../../shared/components/toast.tsx";
import { titleOfFile } from "../../shared/format.ts";
import { JOB_CHANGED, onLive } from "../../shared/live.ts";
import { asApiError, sentence } from "../../shared/problem.ts";
import { api } from "../../shared/session.ts";
import { Store, useStore } from "../../shared/store.ts";
import { TimeLeft } from "../../shared/time_left.ts";
import { after, isBusy, type Item, nextToSend, type Turn } from "./machine.ts";
import { remembered } from "./remembered.ts";
import { patch, pause, type Sending, send } from "./sending.ts";

const POLL_MS = 2500;

const items = new Store<readonly Item[]>([]);
const files = new Map<string, File>();
const memory = remembered();
const sendings = new Map<string, Sending>();
const estimates = new Map<string, TimeLeft>();
let added = 0;
let polling = 0;

function turn(made: Turn): void {
  items.set(after(items.value, made));
}

export function useUploads(): readonly Item[] {
  useEffect(() => {
    const stop = onLive<Job>(JOB_CHANGED, ({ payload }) => noteJob(payload));
    return stop;
  }, []);
  return useStore(items);
}

export function addFiles(chosen: Iterable<File>): void {
  const drafts = [...chosen].map((file) => {
    added += 1;
    const key = `file-${added}`;
    files.set(key, file);
    const begun = memory.of(file);
    return { key, filename: file.name, size_bytes: file.size, name: begun?.name ?? titleOfFile(file.name), synopsis: begun?.synopsis ?? "" };
  });
  turn({ turn: "add", items: drafts });
}

export function editItem(key: string, change: { name?: string; synopsis?: string }): void {
  turn({ turn: "edit", key, ...change });
}

export function removeItem(key: string): void {
  turn({ turn: "remove", key });
  if (!items.value.some((item) => item.key === key)) files.delete(key);
}

export function startAll(): void {
  turn({ turn: "start" });
  sendNext();
}

export function tryAgain(key: string): void {
  turn({ turn: "again", key });
  sendNext();
}

/** Stop a file wherever it is; it is cancelled when the server has said so. */
export function cancelItem(key: string): void {
  turn({ turn: "cancel", key });
  sendings.get(key)?.cancel();
  sendings.delete(key);
  const stage = items.value.find((one) => one.key === key)?.stage;
  if (stage?.name === "cancelling") void cancelThere(key, stage.upload, stage.job);
  sendNext();
}

async function cancelThere(key: string, upload: string, job: string | null): Promise<void> {
  try {
    await (job ? api.cancelJob(job) : api.abandonUpload(upload));
    turn({ turn: "cancelled", key });
  } catch (failure) {
    const { problem } = asApiError(failure);
    const goesOn = await jobOf(upload, job).catch(() => null);
    if (goesOn) turn({ turn: "uncancelled", key, job: goesOn });
    else if (problem.code === "ingest.no_upload") turn({ turn: "cancelled", key });
    else turn({ turn: "failed", key, problem });
    const name = items.value.find((one) => one.key === key)?.stage.name;
    if (name !== "cancelled") toast(`Not cancelled: ${sentence(problem.detail)}`, { tone: "bad", stay_ms: 8000 });
    poll();
  }
}

/** What the server makes of an upload that would not be cancelled. */
async function jobOf(upload: string, job: string | null): Promise<Job | null> {
  const id = job ?? (await api.upload(upload)).job;
  return id ? api.job(id) : null;
}

function sendNext(): void {
  const next = nextToSend(items.value);
  const file = next && files.get(next.key);
  if (next && file && !sendings.has(next.key)) void sendOne(next, file);
}

async function sendOne(item: Item, file: File): Promise<void> {
  const { key } = item;
  const reserved: Sending = { finished: Promise.reject(new Error("not begun")), cancel: () => undefined };
  reserved.finished.catch(() => undefined);
  sendings.set(key, reserved);
  try {
    const title = { name: item.name.trim() || titleOfFile(item.filename), synopsis: item.synopsis.trim() };
    const upload = await beginning(file, title);
    if (sendings.get(key) !== reserved) {
      await api.abandonUpload(upload.id);
      return;
    }
    turn({ turn: "opened", key, upload: upload.id });
    const left = new TimeLeft();
    const sending = send(upload, file, {
      upload: api.upload,
      patch: async (known, piece, signal, onProgress) => patch(known, piece, await api.csrf(), signal, onProgress).catch(renewed),
      pause,
      onProgress: (sent_bytes) => {
        left.note(sent_bytes, performance.now());
        turn({ turn: "sent", key, sent_bytes, rate_bps: left.rate() * 8, left_s: left.left_s(item.size_bytes) });
      },
      onHeld: (held) => turn({ turn: "held", key, held }),
    });
    sendings.set(key, sending);
    const received = await sending.finished;
    memory.forget(file);
    turn({ turn: "received", key, job: received.job });
    poll();
  } catch (failure) {
    const cancelled = failure instanceof DOMException && failure.name === "AbortError";
    const { problem } = asApiError(failure);
    if (cancelled || problem.status === 422 || problem.status === 404) memory.forget(file);
    if (!cancelled) turn({ turn: "failed", key, problem });
  } finally {
    sendings.delete(key);
    sendNext();
  }
}

/** The upload that this file has begun under these words, or a new one. */
async function beginning(file: File, title: { name: string; synopsis: string }): Promise<Upload> {
  const begun = memory.of(file);
  if (begun && begun.name === title.name && begun.synopsis === title.synopsis) {
    const known = await api.upload(begun.upload).catch((failure: unknown) => goneIsNull(failure));
    if (known?.size_bytes === file.size) return known;
  }
  const upload = await api.openUpload({ filename: file.name, size_bytes: file.size, title });
  memory.save(file, { upload: upload.id, ...title, saved_at: Date.now() });
  return upload;
}

function goneIsNull(failure: unknown): null {
  if (asApiError(failure).problem.status === 404) return null;
  throw failure;
}

/** Have a stale token renewed before the piece goes again. */
async function renewed(failure: unknown): Promise<never> {
  if (asApiError(failure).problem.code === "http.csrf") await api.refreshMe();
  throw failure;
}

function noteJob(job: Job): void {
  const estimate = estimates.get(job.id) ?? new TimeLeft();
  estimates.set(job.id, estimate);
  estimate.note(job.progress, performance.now());
  turn({ turn: "job", job, left_s: estimate.left_s(1) });
}

/** Ask after jobs now and then: the stream of events may have a gap. */
function poll(): void {
  clearTimeout(polling);
  const waiting = items.value.flatMap(({ stage }) => (stage.name === "working" ? [stage.job] : []));
  if (!waiting.length) return;
  void Promise.all(waiting.map((id) => api.job(id).then(noteJob, () => undefined))).then(() => {
    polling = window.setTimeout(poll, POLL_MS);
  });
}

addEventListener("beforeunload", (event) => {
  if (items.value.some(isBusy)) event.preventDefault();
});
