import { useState } from "preact/hooks";
import { Dialog } from "../../../shared/components/dialog.tsx";
import { ProblemView } from "../../../shared/components/problem_view.tsx";
import { Field } from "../../../shared/components/small.tsx";
import { type ApiError, asApiError } from "../../../shared/problem.ts";

interface Props {
  title: string;
  action: string;
  onClose: () => void;
  /** Does it; the dialog closes when it is done. */
  onReason: (reason: string) => Promise<unknown>;
}

/** Why a reason will not do, or undefined. */
export function reasonProblem(reason: string): string | undefined {
  const letters = [...reason.trim()].length;
  return letters >= 1 && letters <= 500 ? undefined : `${letters} characters; a reason has 1 to 500`;
}

/** Ask why before something is changed. */
export function ReasonDialog({ title, action, onClose, onReason }: Props) {
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const go = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailure(null);
    try {
      await onReason(reason.trim());
      onClose();
    } catch (problem) {
      setFailure(asApiError(problem));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={(event) => void go(event)}>
        <Field label="Reason" hint="What no later reader can guess" error={reason && reasonProblem(reason)}>
          {(ids) => <input {...ids} class="input" autofocus maxLength={500} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />}
        </Field>
        {failure && <ProblemView error={failure} small />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button button-accent" disabled={busy || Boolean(reasonProblem(reason))}>
            {action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
