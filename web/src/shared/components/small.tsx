import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { downSince } from "../connection.ts";
import { ago, exact, timeOfDay } from "../format.ts";
import { useInvocation } from "../invocation.ts";
import { Store, useStore } from "../store.ts";
import { Icon, type IconName } from "./icons.tsx";

/** Copies one of our commands as it is typed here; says so for a moment. */
export function CopyCommand({ words }: { words: string }) {
  const command = `${useInvocation()} ${words}`;
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(command);
    } catch {
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1800);
  };
  return (
    <div class="command">
      <code>{command}</code>
      <button type="button" class="icon-button" aria-label={`Copy the command ${command}`} onClick={() => void copy()}>
        <Icon name={copied ? "check" : "copy"} size={18} />
      </button>
      <span class="visually-hidden" role="status">
        {copied ? "Copied" : ""}
      </span>
    </div>
  );
}

const now = new Store(new Date());
setInterval(() => now.set(new Date()), 20_000);

/** A moment relative to now, the exact one on hover. */
export function Ago({ at }: { at: string | number }) {
  const current = useStore(now);
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return null;
  return (
    <time dateTime={moment.toISOString()} title={exact(moment)}>
      {ago(moment, current)}
    </time>
  );
}

/** Says that the server does not answer, and since when; goes by itself. */
export function OfflineBanner() {
  const since = useStore(downSince);
  if (!since) return null;
  return (
    <div class="offline" role="status">
      <Icon name="warning" size={18} />
      <span>
        The control plane has not answered since <time dateTime={since.toISOString()}>{timeOfDay(since)}</time>. Trying again; films that play
        go on.
      </span>
    </div>
  );
}

export function Skeleton({ class: name = "", style }: { class?: string; style?: Record<string, string> }) {
  return <span class={`skeleton ${name}`} style={style} aria-hidden="true" />;
}

/** A page that says one thing, offers one action, and the command that does the same. */
export function Quiet({
  icon,
  heading,
  words,
  command,
  within = false,
  children,
}: {
  icon: IconName;
  heading: string;
  words: string;
  /** Without the program's own name: `upload film.mp4`. */
  command?: string;
  /** A part of a page that has its heading already. */
  within?: boolean;
  children?: ComponentChildren;
}) {
  const Heading = within ? "h2" : "h1";
  return (
    <section class="quiet">
      <span class="quiet-icon">
        <Icon name={icon} size={30} />
      </span>
      <Heading>{heading}</Heading>
      <p>{words}</p>
      {children && <div class="quiet-actions">{children}</div>}
      {command && <CopyCommand words={command} />}
    </section>
  );
}

/** A share of work done; without a value it is under way but unmeasured. */
export function ProgressBar({ value, label, tone = "accent" }: { value: number | null; label: string; tone?: "accent" | "good" | "bad" }) {
  const shown = value === null ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 1000) / 10;
  return (
    <div
      class={`progress progress-${tone}${value === null ? " progress-open" : ""}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(shown === undefined ? {} : { "aria-valuenow": shown })}
    >
      <span style={{ width: `${shown ?? 35}%` }} />
    </div>
  );
}

interface FieldProps {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  children: (ids: { id: string; "aria-describedby": string | undefined; "aria-invalid": boolean }) => ComponentChildren;
}

/** A labelled input that says its rule. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const said = error ?? hint;
  return (
    <div class={error ? "field field-wrong" : "field"}>
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": said ? `${id}-said` : undefined, "aria-invalid": Boolean(error) })}
      {said && (
        <p id={`${id}-said`} class="field-said" {...(error ? { role: "alert" } : {})}>
          {said}
        </p>
      )}
    </div>
  );
}

/** Name the page in the tab. */
export function useTitle(name: string): void {
  useEffect(() => {
    document.title = name;
  }, [name]);
}
