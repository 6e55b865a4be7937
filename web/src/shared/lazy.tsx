import type { ComponentType, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ProblemView } from "./components/problem_view.tsx";
import { type ApiError, asApiError } from "./problem.ts";

/** A page whose code is fetched when it is first shown. */
export function lazily(load: () => Promise<ComponentType>): () => JSX.Element {
  let found: ComponentType | null = null;
  return function Lazily() {
    const [, redraw] = useState({});
    const [error, setError] = useState<ApiError | null>(null);
    const [attempt, setAttempt] = useState(0);
    useEffect(() => {
      let gone = false;
      if (found) return;
      setError(null);
      load().then(
        (page) => {
          found = page;
          if (!gone) redraw({});
        },
        (failure: unknown) => !gone && setError(asApiError(failure)),
      );
      return () => void (gone = true);
    }, [attempt]);
    if (error) return <ProblemView error={error} onRetry={() => setAttempt(attempt + 1)} />;
    const Page = found;
    return Page ? <Page /> : <span class="spinner" role="status" aria-label="Loading" />;
  };
}
