/** Bytes on their way to the server; XMLHttpRequest, because fetch tells no progress of uploads. */

import type { Upload } from "../../api/types.ts";
import { problemOf, unreachable } from "../../shared/problem.ts";

export interface Sending {
  finished: Promise<Upload>;
  cancel: () => void;
}

/** Put a file's bytes; `onProgress` hears how many have gone. */
export function send(upload: string, file: Blob, csrf: string, onProgress: (sent_bytes: number) => void): Sending {
  const request = new XMLHttpRequest();
  const finished = new Promise<Upload>((resolve, reject) => {
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded));
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText) as Upload);
      else reject(problemOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
  });
  request.open("PUT", `/api/uploads/${encodeURIComponent(upload)}/content`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  if (csrf) request.setRequestHeader("X-CSRF-Token", csrf);
  request.send(file);
  return { finished, cancel: () => request.abort() };
}
