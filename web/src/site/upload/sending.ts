/** Bytes on their way to the server, by tus: piece by piece, and on from where a cut left them. */

import type { Upload } from "../../api/types.ts";
import { ApiError, problemOf, unreachable } from "../../shared/problem.ts";

const CHUNK_BYTES = 8 * 1024 * 1024;
const LONGEST_PAUSE_MS = 8000;
/** What may be over by itself: a restart, a cut, a spoiled or an overtaken piece, a token of yesterday. */
const PASSING = new Set([
  "http.csrf", "http.fault", "http.too_many_connections", "ingest.checksum", "ingest.interrupted", "ingest.offset", "ingest.silent",
  "records.locked", "site.unexplained", "site.unreachable",
]);

export interface Sending {
  finished: Promise<Upload>;
  cancel: () => void;
}

/** What sending needs of the world. */
export interface Way {
  /** Ask how far an upload is. */
  upload: (id: string) => Promise<Upload>;
  /** Send one piece; `onProgress` hears how much of it has gone. */
  patch: (upload: Upload, piece: Blob, signal: AbortSignal, onProgress: (bytes: number) => void) => Promise<void>;
  /** Wait, and no longer once the signal is given. */
  pause: (ms: number, signal: AbortSignal) => Promise<void>;
  onProgress: (sent_bytes: number) => void;
  /** Told when the server is waited for, and when it is back. */
  onHeld: (held: boolean) => void;
}

/** Send what is missing of a file, for as long as it takes. */
export function send(upload: Upload, file: Blob, way: Way, chunkBytes = CHUNK_BYTES): Sending {
  const stopped = new AbortController();
  return { finished: deliver(upload, file, way, chunkBytes, stopped.signal), cancel: () => stopped.abort() };
}

async function deliver(upload: Upload, file: Blob, way: Way, chunkBytes: number, signal: AbortSignal): Promise<Upload> {
  let known = upload;
  let failures = 0;
  while (known.state !== "received") {
    signal.throwIfAborted();
    try {
      if (failures) known = await way.upload(known.id);
      const { offset_bytes } = known;
      way.onProgress(offset_bytes);
      const piece = file.slice(offset_bytes, Math.min(known.size_bytes, offset_bytes + chunkBytes));
      await way.patch(known, piece, signal, (bytes) => way.onProgress(offset_bytes + bytes));
      known = await way.upload(known.id);
      if (failures) way.onHeld(false);
      failures = 0;
    } catch (failure) {
      if (!(failure instanceof ApiError) || !PASSING.has(failure.problem.code)) throw failure;
      signal.throwIfAborted();
      if (failure.unreachable) way.onHeld(true);
      await way.pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 500 * 2 ** failures), signal);
      failures += 1;
    }
  }
  return known;
}

/** Send one piece with its SHA-256, where the browser has that (a page of https or of this machine). */
export async function patch(
  upload: Pick<Upload, "id" | "offset_bytes">, piece: Blob, csrf: string, signal: AbortSignal, onProgress: (bytes: number) => void, place = "/api/tus",
): Promise<void> {
  const checksum = await sha256(piece);
  signal.throwIfAborted();
  // XMLHttpRequest, because fetch tells no progress of uploads.
  const request = new XMLHttpRequest();
  await new Promise<void>((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.open("PATCH", `${place}/${encodeURIComponent(upload.id)}`);
    request.setRequestHeader("Tus-Resumable", "1.0.0");
    request.setRequestHeader("Upload-Offset", String(upload.offset_bytes));
    request.setRequestHeader("Content-Type", "application/offset+octet-stream");
    if (checksum) request.setRequestHeader("Upload-Checksum", `sha256 ${checksum}`);
    if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
    request.send(piece);
  });
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

async function sha256(piece: Blob): Promise<string> {
  if (!piece.size || !globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", await piece.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
