/** Asks the server about a rule while it is typed. */

import { useEffect, useRef, useState } from "preact/hooks";
import { type ApiError, asApiError } from "../../../../shared/problem.ts";

const AFTER_MS = 250;

export interface Check<T> {
  /** The last answer; of an older text while `pending`. */
  told: T | null;
  pending: boolean;
  error: ApiError | null;
}

const NOTHING = { told: null, pending: false, error: null };

/**
 * Ask about a text once it rests; an answer that was overtaken is dropped.
 *
 * @param key What is asked about; empty: nothing is asked.
 */
export function useCheck<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Check<T> {
  const [check, setCheck] = useState<Check<T>>(NOTHING);
  const asking = useRef(ask);
  asking.current = ask;
  useEffect(() => {
    if (!key) {
      setCheck(NOTHING);
      return;
    }
    const abort = new AbortController();
    setCheck((before) => ({ ...before, pending: true }));
    const timer = setTimeout(() => {
      asking.current(abort.signal).then(
        (told) => !abort.signal.aborted && setCheck({ told, pending: false, error: null }),
        (error: unknown) => !abort.signal.aborted && setCheck((before) => ({ ...before, pending: false, error: asApiError(error) })),
      );
    }, AFTER_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return check;
}
