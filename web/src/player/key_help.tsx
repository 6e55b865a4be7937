import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../shared/components/icons.tsx";
import { KEY_HELP } from "./keys.ts";

/** The keys, over the film; inside the stage, so that full screen shows it too. Focus stays in it. */
export function KeyHelp({ onClose }: { onClose: () => void }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={element}
      class="key-help"
      noautohide
      aria-label="Keyboard"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.key === "?" && onClose()}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <div class="key-help-card">
        <header>
          <h2>Keyboard</h2>
          <button type="button" class="icon-button" aria-label="Close the help" onClick={onClose}>
            <Icon name="close" />
          </button>
        </header>
        <dl>
          {KEY_HELP.map(([keys, meaning]) => (
            <div key={meaning}>
              <dt>
                {keys.map((key) => (key === "–" ? <span key={key}>–</span> : <kbd key={key}>{key}</kbd>))}
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
