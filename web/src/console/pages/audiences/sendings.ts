/** Files of features on their way from this window: kept while one looks at other pages. */

import type { BatchState, NewBatch, Problem } from "../../../api/types.ts";
import { asApiError } from "../../../shared/problem.ts";
import { api } from "../../../shared/session.ts";
import { Store, useStore } from "../../../shared/store.ts";
import { TimeLeft } from "../../../shared/time_left.ts";
import { patch, pause, type Sending, send, type Way } from "../../../site/upload/sending.ts";
import * as calls from "./calls.ts";

/** What a pause loses at most: a piece counts when all of it is there. */
const PIECE_BYTES = 2 * 1024 * 1024;

export interface Sent {
  sent_bytes: number;
  left_s: number | null;
  /** The server is waited for. */
  held: boolean;
  paused: boolean;
  problem: Problem | null;
}

const sent = new Store<Readonly<Record<string, Sent>>>({});
const files = new Map<string, File>();
const running = new Map<string, Sending>();

/** How each batch that this window sends is getting on, by batch. */
export function useSendings(): Readonly<Record<string, Sent>> {
  return useStore(sent);
}

/** Order a batch and send its file; with the last byte it begins by itself. */
export async function sendNew(order: NewBatch, file: File): Promise<void> {
  const batch = await calls.order({ ...order, filename: file.name, size_bytes: file.size });
  goOn(batch, file);
}

/** Send what is missing of a batch's file. */
export function goOn(batch: BatchState, file: File | undefined = files.get(batch.id)): void {
  if (!file || batch.phase !== "receiving" || running.has(batch.id)) return;
  files.set(batch.id, file);
  note(batch.id, { sent_bytes: batch.received_bytes, left_s: null, held: false, paused: false, problem: null });
  const left = new TimeLeft();
  const way: Way = {
    upload: async () => asUpload(await calls.batch(batch.id)),
    patch: async (known, piece, signal, onProgress) => {
      try {
        await patch(known, piece, await api.csrf(), signal, onProgress, "/api/audience-tus");
      } catch (failure) {
        if (asApiError(failure).problem.code === "http.csrf") await api.refreshMe();
        throw failure;
      }
    },
    pause,
    onProgress: (sent_bytes) => {
      left.note(sent_bytes, performance.now());
      note(batch.id, { sent_bytes, left_s: left.left_s(batch.size_bytes), held: false });
    },
    onHeld: (held) => note(batch.id, { held }),
  };
  const sending = send(asUpload(batch), file, way, PIECE_BYTES);
  running.set(batch.id, sending);
  sending.finished.then(
    () => {
      running.delete(batch.id);
      files.delete(batch.id);
      note(batch.id, { sent_bytes: batch.size_bytes, left_s: null, held: false });
    },
    (failure: unknown) => {
      running.delete(batch.id);
      const stopped = failure instanceof DOMException && failure.name === "AbortError";
      note(batch.id, stopped ? { paused: true, left_s: null } : { problem: asApiError(failure).problem, left_s: null });
    },
  );
}

/** Stop sending; what has arrived stays, and `goOn` sends the rest. */
export function pauseSending(id: string): void {
  running.get(id)?.cancel();
}

/** Whether this window still has the file of a batch, so that it can go on by itself. */
export function hasFile(id: string): boolean {
  return files.has(id);
}

/** Stop sending and forget the file. */
export function forget(id: string): void {
  running.get(id)?.cancel();
  running.delete(id);
  files.delete(id);
  const { [id]: _, ...rest } = sent.value;
  sent.set(rest);
}

function note(id: string, change: Partial<Sent>): void {
  const before = sent.value[id] ?? { sent_bytes: 0, left_s: null, held: false, paused: false, problem: null };
  sent.set({ ...sent.value, [id]: { ...before, ...change } });
}

/** A batch as the sending of bytes sees it. */
function asUpload(batch: BatchState) {
  return {
    id: batch.upload,
    filename: batch.name,
    size_bytes: batch.size_bytes,
    state: batch.phase === "receiving" ? ("open" as const) : ("received" as const),
    created_at: batch.ordered_at,
    received_bytes: batch.received_bytes,
    job: "",
    offset_bytes: batch.received_bytes,
    expires_at: batch.ordered_at,
    metadata: "",
  };
}

addEventListener("beforeunload", (event) => {
  if (running.size) event.preventDefault();
});
