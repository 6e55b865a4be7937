import { type ApiError, advice, sentence } from "../problem.ts";
import { Icon } from "./icons.tsx";

interface Props {
  error: ApiError;
  onRetry?: (() => void) | undefined;
  /** For a place within a page, rather than the whole of it. */
  small?: boolean;
  /** What to do, where the place knows better than the code. */
  hint?: string;
  children?: preact.ComponentChildren;
}

/** What happened, its code, what to do, Retry. */
export function ProblemView({ error, onRetry, small = false, hint, children }: Props) {
  const { problem } = error;
  return (
    <div class={small ? "problem problem-small" : "problem"} role="alert">
      <Icon name="alert" size={small ? 22 : 36} />
      <div class="problem-words">
        <p class="problem-detail">{sentence(problem.detail)}</p>
        <p class="problem-advice">{hint ?? advice(problem)}</p>
        <p class="problem-code">
          <code>{problem.code}</code>
        </p>
        <div class="problem-actions">
          {onRetry && (
            <button type="button" class="button" onClick={onRetry}>
              <Icon name="replay" size={18} /> Retry
            </button>
          )}
          {children}
        </div>
      </div>
    </div>
  );
}
