/** A loader for hls.js that leaves a dead pathway at the first failure, unnoticed by the rest of it. */

import type {
  HlsConfig,
  Loader,
  LoaderCallbacks,
  LoaderConfiguration,
  LoaderContext,
  LoaderStats,
} from "hls.js";
import type { Pathways } from "./pathways.ts";

/** One answer to a request, or its absence. */
export interface Attempt {
  context: LoaderContext;
  /** Where it really was asked. */
  address: string;
  pathway: string;
  /** Status; 0 where no answer came. */
  status: number;
  /** Times of this attempt alone, in milliseconds as `performance.now` has them; 0 where it did not come to that. */
  loading: { start: number; first: number; end: number };
  bytes: number;
}

export type LoaderKind = new (config: HlsConfig) => Loader<LoaderContext>;

/**
 * Make a loader kind that asks `pathways` where to fetch from.
 *
 * hls.js retries 1, 2, 4, 8 s on the dead pathway before it looks elsewhere;
 * this asks the next pathway at once and reports an error only when none served
 * the request. hls.js holds on to the `stats` of its loader, so all attempts
 * write into the same ones.
 *
 * Args: `onAttempt` hears of every answer, and of those that did not come, which
 * hls.js never learns of.
 */
export function failoverLoader(
  inner: LoaderKind,
  pathways: Pathways,
  now_ms: () => number,
  onAttempt: (attempt: Attempt) => void = () => undefined,
): LoaderKind {
  return class FailoverLoader implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    stats: LoaderStats;
    readonly #config: HlsConfig;
    #attempt: Loader<LoaderContext>;

    constructor(config: HlsConfig) {
      this.#config = config;
      this.#attempt = new inner(config);
      this.stats = this.#attempt.stats;
    }

    load(context: LoaderContext, config: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      this.#load(context, withoutRetries(config), callbacks, new Set());
    }

    abort(): void {
      this.#attempt.abort();
    }

    destroy(): void {
      this.#attempt.destroy();
      this.context = null;
    }

    getCacheAge(): number | null {
      return this.#attempt.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.#attempt.getResponseHeader?.(name) ?? null;
    }

    #load(
      context: LoaderContext,
      config: LoaderConfiguration,
      callbacks: LoaderCallbacks<LoaderContext>,
      tried: Set<string>,
    ): void {
      const pathway = pathways.current;
      const goOn = (): boolean => {
        tried.add(pathway);
        if (pathways.failover(pathway, tried, now_ms()) === null) return false;
        this.#renew();
        this.#load(context, config, callbacks, tried);
        return true;
      };
      const { onAbort, onProgress } = callbacks;
      const address = pathways.rewrite(context.url);
      const note = (status: number, { loading, loaded }: LoaderStats) => {
        try {
          onAttempt({ context, address, pathway, status, loading: { ...loading }, bytes: loaded });
        } catch (error) {
          console.warn("what was told of a request could not be noted", error); // the film goes on
        }
      };
      this.#attempt.load({ ...context, url: address }, { ...config }, {
        onSuccess: (response, stats, _, details) => {
          note(response.code ?? 200, stats);
          callbacks.onSuccess(response, stats, context, details);
        },
        onError: (error, _, details, stats) => {
          note(error.code, stats);
          goOn() || callbacks.onError(error, context, details, stats);
        },
        onTimeout: (stats, _, details) => {
          note(0, stats);
          goOn() || callbacks.onTimeout(stats, context, details);
        },
        ...(onAbort ? { onAbort: (stats, _, details) => onAbort(stats, context, details) } : {}),
        ...(onProgress ? { onProgress: (stats, _, data, details) => onProgress(stats, context, data, details) } : {}),
      });
    }

    #renew(): void {
      const { stats } = this;
      this.#attempt.destroy();
      stats.aborted = false;
      stats.retry += 1;
      stats.loaded = stats.total = stats.chunkCount = stats.bwEstimate = 0;
      stats.loading = { start: 0, first: 0, end: 0 };
      this.#attempt = new inner(this.#config);
      this.#attempt.stats = stats;
    }
  };
}

function withoutRetries(config: LoaderConfiguration): LoaderConfiguration {
  return { ...config, maxRetry: 0, loadPolicy: { ...config.loadPolicy, errorRetry: null, timeoutRetry: null } };
}
