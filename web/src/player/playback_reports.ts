/** What of a playback is worth a report. */

import Hls, { type FragmentLoaderContext, type LoaderContext } from "hls.js";
import type { EventFields } from "./cmcd_line.ts";
import type { Attempt } from "./failover_loader.ts";
import { throughputOf } from "./measured.ts";
import type { Reports } from "./reports.ts";
import { Stalls } from "./stalls.ts";
import type { Timer } from "./timer.ts";

const INTERVAL_MS = 30_000;
const OBJECT_TYPES = { main: "v", audio: "a", subtitle: "tt" } as const;

/** What goes with every event. */
export function whereabouts(video: HTMLVideoElement, hls: Hls | null): EventFields {
  return {
    bl: hls?.mainForwardBufferInfo ? [hundreds(1000 * hls.mainForwardBufferInfo.len)] : undefined,
    mtp: hls && Number.isFinite(hls.bandwidthEstimate) ? [kbps(hls.bandwidthEstimate)] : undefined,
    pt: video.currentTime * 1000,
  };
}

/** One answer to a request, or its absence: what steering learns most from. */
export function tellAttempt(reports: Reports, attempt: Attempt): void {
  const { address, pathway, status, loading, context } = attempt;
  reports.tell("rr", { ...objectOf(context), rc: status, url: address.split(/[?#]/, 1)[0], cdn: pathway, ...timesOf(attempt) }, {
    urgent: status === 0 || status === 429 || status >= 500,
    ...(loading.start ? { began_ms: loading.start } : {}),
  });
}

/** Tell what happens to a film from here on; returns the way to stop it. */
export function tellPlayback(video: HTMLVideoElement, hls: Hls, reports: Reports, timer: Timer): () => void {
  const stalls = new Stalls();
  const began_ms = timer.now_ms();
  let waiting_since = 0;
  let seen = false;
  let callOff = () => undefined as void;
  const state = (sta: string, more: EventFields = {}) => reports.tell("ps", { sta, ...more }, { urgent: sta === "r" });
  const listeners: Partial<Record<keyof HTMLVideoElementEventMap, () => void>> = {
    playing: () => {
      const now_ms = timer.now_ms();
      state("p", { msd: seen ? undefined : now_ms - began_ms, bsd: waiting_since ? [now_ms - waiting_since] : undefined });
      seen = true;
      waiting_since = 0;
      stalls.playing();
    },
    waiting: () => {
      const before = stalls.count;
      stalls.waiting(video);
      if (stalls.count === before) return;
      waiting_since = timer.now_ms();
      state("r", { bs: true });
    },
    pause: () => {
      stalls.paused();
      if (!video.ended) state("a");
    },
    seeking: () => seen && state("k"),
    ended: () => state("e"),
  };
  const tick = () => {
    if (!video.paused) reports.tell("t", { dfa: video.getVideoPlaybackQuality?.().droppedVideoFrames, br: bitrateOf(hls) });
    callOff = timer.after(INTERVAL_MS, tick);
  };
  const flush = () => reports.flush();
  for (const [kind, listener] of Object.entries(listeners)) video.addEventListener(kind, listener);
  addEventListener("pagehide", flush);
  hls.on(Hls.Events.LEVEL_SWITCHED, () => reports.tell("bc", { br: bitrateOf(hls) }));
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && reports.tell("e", { ec: [details] }, { urgent: true }));
  state("s");
  callOff = timer.after(INTERVAL_MS, tick);
  return () => {
    callOff();
    state("q");
    removeEventListener("pagehide", flush);
    for (const [kind, listener] of Object.entries(listeners)) video.removeEventListener(kind, listener);
  };
}

function objectOf(context: LoaderContext): EventFields {
  const { frag } = context as Partial<FragmentLoaderContext>;
  if (!frag) return { ot: "m" };
  if (frag.sn === "initSegment") return { ot: "i" };
  return { ot: OBJECT_TYPES[frag.type], d: frag.duration * 1000 };
}

/** Throughput here is that of this answer alone, so that pathways can be compared. */
function timesOf(attempt: Attempt): EventFields {
  const { start, first, end } = attempt.loading;
  if (!attempt.status || !start || !first) return { mtp: undefined };
  const bps = throughputOf(attempt);
  return { ttfb: first - start, ttlb: end ? end - start : undefined, mtp: bps ? [kbps(bps)] : undefined };
}

function bitrateOf(hls: Hls): number[] | undefined {
  const level = hls.levels[hls.currentLevel];
  return level && [Math.round(level.bitrate / 1000)];
}

/** The specification rounds throughput to 100 kbit/s, and buffers to 100 ms. */
function kbps(bps: number): number {
  return Math.round(bps / 100_000) * 100;
}

function hundreds(ms: number): number {
  return Math.round(ms / 100) * 100;
}
