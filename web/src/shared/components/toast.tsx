import { useEffect } from "preact/hooks";
import { Store, useStore } from "../store.ts";
import { Icon } from "./icons.tsx";

export interface Toast {
  id: number;
  words: string;
  tone: "good" | "bad" | "plain";
  action?: { label: string; run: () => void };
  stay_ms: number;
}

const shown = new Store<Toast[]>([]);
let last = 0;

/** Say something in passing; one with an action stays longer. */
export function toast(words: string, options: Partial<Pick<Toast, "tone" | "action" | "stay_ms">> = {}): void {
  last += 1;
  const made: Toast = { id: last, words, tone: "plain", stay_ms: options.action ? 8000 : 4500, ...options };
  shown.set([...shown.value.slice(-3), made]);
}

function dismiss(id: number): void {
  shown.set(shown.value.filter((one) => one.id !== id));
}

/** The corner where toasts appear; once a page. */
export function Toasts() {
  const all = useStore(shown);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {all.map((one) => (
        <ToastView key={one.id} toast={one} />
      ))}
    </div>
  );
}

function ToastView({ toast: one }: { toast: Toast }) {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(one.id), one.stay_ms);
    return () => clearTimeout(timer);
  }, [one]);
  const act = () => {
    dismiss(one.id);
    one.action?.run();
  };
  return (
    <div class={`toast toast-${one.tone}`}>
      <span>{one.words}</span>
      {one.action && (
        <button type="button" class="toast-action" onClick={act}>
          {one.action.label}
        </button>
      )}
      <button type="button" class="icon-button icon-button-small" aria-label="Dismiss" onClick={() => dismiss(one.id)}>
        <Icon name="close" size={16} />
      </button>
    </div>
  );
}
