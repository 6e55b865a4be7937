/** What happens in the house, as it happens: server-sent events of `/api/live`. */

import { probe } from "./connection.ts";

export interface LiveEvent<T> {
  id: string;
  kind: string;
  event_at: string;
  payload: T;
}

export interface TitleNews {
  slug: string;
  name?: string;
}

export const TITLE_KINDS = ["title.published@1", "title.changed@1", "title.withdrawn@1"] as const;
export const JOB_CHANGED = "job.changed@1";

type Listener = (event: LiveEvent<never>) => void;

const listeners = new Map<string, Set<Listener>>();
let source: EventSource | null = null;

/** Hear events of a kind for as long as the page is open; returns the way to stop. */
export function onLive<T>(kind: string, listener: (event: LiveEvent<T>) => void): () => void {
  const ofKind = listeners.get(kind) ?? new Set<Listener>();
  const known = listener as Listener;
  if (!listeners.has(kind)) {
    listeners.set(kind, ofKind);
    if (source) relay(source, kind);
  }
  ofKind.add(known);
  connect();
  return () => void ofKind.delete(known);
}

/** Close and open the stream again, as after signing in: it then tells more. */
export function reconnectLive(): void {
  if (!source) return;
  source.close();
  source = null;
  connect();
}

function connect(): void {
  if (source) return;
  const opened = new EventSource("/api/live");
  source = opened;
  for (const kind of listeners.keys()) relay(opened, kind);
  opened.addEventListener("error", () => {
    probe();
    // The browser itself reconnects unless the answer was no stream at all.
    if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
    source = null;
    setTimeout(connect, 5000);
  });
}

function relay(from: EventSource, kind: string): void {
  from.addEventListener(kind, (message) => {
    try {
      const event = JSON.parse((message as MessageEvent<string>).data) as LiveEvent<never>;
      for (const listener of listeners.get(kind) ?? []) listener(event);
    } catch {
      // A line that is no envelope is the server's fault; the next one may be fine.
    }
  });
}
