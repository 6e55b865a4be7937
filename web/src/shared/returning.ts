/** Coming back by oneself to where everybody wants something at once. */

import { ApiError } from "./problem.ts";

export interface Waiting {
  /** Seconds until the next try; 0 while a try is under way. */
  left_s: number;
  /** Tries so far. */
  tries: number;
}

export interface Patience {
  /** Is told once a second how the wait goes. */
  told?: (waiting: Waiting) => void;
  /** Ends the wait: rejects with its reason. */
  signal?: AbortSignal;
  /** Resolves after so many seconds; a test hands in its own. */
  sleep?: (seconds: number) => Promise<void>;
}

/** Whether the service is only busy, and said when to come back. */
export function isBusy(error: unknown): error is ApiError {
  return error instanceof ApiError && error.problem.status === 503 && (error.problem.retry_after_s ?? 0) > 0;
}

/** Do the work; where it is refused because everybody wants it, do it again when the service says, until it is done. */
export async function returning<T>(work: () => Promise<T>, { told, signal, sleep = slept }: Patience = {}): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error)) throw error;
      for (let left_s = Math.ceil(error.problem.retry_after_s ?? 1); left_s > 0; left_s--) {
        signal?.throwIfAborted();
        told?.({ left_s, tries });
        await sleep(1);
      }
      signal?.throwIfAborted();
      told?.({ left_s: 0, tries });
    }
  }
}

function slept(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
