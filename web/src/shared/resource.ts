/** Something fetched: what came, what went wrong, and the way to ask again. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { whenBack } from "./connection.ts";
import { type ApiError, asApiError } from "./problem.ts";

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
  /** Put a newer value in place without asking. */
  set: (data: T) => void;
}

const remembered = new Map<string, unknown>();

/**
 * Fetch while a component is shown. What was seen before under the same key is
 * shown at once and renewed behind; after an outage it asks again by itself.
 */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [, redraw] = useState({});
  const [failure, setFailure] = useState<{ key: string; error: ApiError } | null>(null);
  const loader = useRef(load);
  loader.current = load;
  const running = useRef<AbortController | null>(null);

  const reload = useCallback(() => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    loader.current(abort.signal).then(
      (data) => {
        if (abort.signal.aborted) return;
        remembered.set(key, data);
        running.current = null;
        setFailure(null);
        redraw({});
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        running.current = null;
        setFailure({ key, error: asApiError(error) });
      },
    );
  }, [key]);

  useEffect(() => {
    reload();
    const stop = whenBack(reload);
    return () => {
      stop();
      running.current?.abort();
    };
  }, [reload]);

  const set = useCallback(
    (data: T) => {
      remembered.set(key, data);
      redraw({});
    },
    [key],
  );
  const data = (remembered.get(key) as T | undefined) ?? null;
  const error = failure?.key === key ? failure.error : null;
  return { data, error, loading: data === null && error === null, reload, set };
}

/** Forget everything fetched, as after someone else signed in. */
export function forgetResources(): void {
  remembered.clear();
}
