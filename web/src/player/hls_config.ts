/** How hls.js is to behave here. */

import type { CMCDControllerConfig, HlsConfig, LoaderConfig } from "hls.js";

const QUICK_RETRY = { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 2000 };

/** A dead pathway shows itself within seconds, and is retried only when all are dead. */
function policy(firstByteMs: number, wholeMs: number): { default: LoaderConfig } {
  return {
    default: {
      maxTimeToFirstByteMs: firstByteMs,
      maxLoadTimeMs: wholeMs,
      errorRetry: QUICK_RETRY,
      timeoutRetry: QUICK_RETRY,
    },
  };
}

/** The first picture counts most: begin with what half of the throughput last seen can carry. */
const START_SHARE = 0.5;

/**
 * What each request tells of the player, in its query: headers would have every
 * address asked about first (a preflight), since edges are other origins.
 *
 * Source: CTA-5004-B.
 */
function cmcd(session: string, title: string): CMCDControllerConfig {
  return {
    version: 2,
    sessionId: session,
    contentId: title,
    includeKeys: ["bl", "br", "bs", "cid", "d", "dl", "mtp", "nor", "ot", "pr", "sf", "sid", "st", "su", "tb", "v"],
  };
}

/**
 * Bounded buffers (each second ahead costs egress when somebody leaves), a
 * start from what this browser measured last, pictures no larger than the window.
 *
 * Args: `start_s` is where to begin; `estimate_bps` the throughput last seen, or 0;
 * `session` and `title` name what is played to whoever serves it.
 */
export function hlsConfig(start_s: number, estimate_bps: number, session: string, title: string): Partial<HlsConfig> {
  return {
    cmcd: cmcd(session, title),
    enableWorker: false,
    lowLatencyMode: false,
    // Zero, not -1: a film that still arrives would begin at its newest second.
    startPosition: Math.max(0, start_s),
    startFragPrefetch: true,
    capLevelToPlayerSize: true,
    maxBufferLength: 20,
    maxMaxBufferLength: 30,
    maxBufferSize: 30_000_000,
    backBufferLength: 30,
    abrEwmaDefaultEstimate: estimate_bps > 0 ? estimate_bps * START_SHARE : 1_500_000,
    manifestLoadPolicy: policy(3000, 10_000),
    playlistLoadPolicy: policy(3000, 10_000),
    fragLoadPolicy: policy(4000, 60_000),
  };
}
