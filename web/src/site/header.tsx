import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, Jewel } from "../shared/components/icons.tsx";
import { toast } from "../shared/components/toast.tsx";
import { usePlace } from "../shared/navigation.ts";
import { asApiError, sentence } from "../shared/problem.ts";
import { api, may, useMe } from "../shared/session.ts";

/** The line at the top: the house, the way to upload, and who one is. */
export function Header({ behind }: { behind: boolean }) {
  const me = useMe();
  const { path, query } = usePlace();
  const scrolled = useScrolled();
  const next = path === "/sign-in" ? query : `?next=${encodeURIComponent(path + query)}`;
  return (
    <header class={`top ${behind && !scrolled ? "top-clear" : ""}`}>
      <a class="wordmark" href="/" aria-label="bijou, home" aria-current={path === "/" ? "page" : undefined}>
        <Jewel />
        <span>bijou</span>
      </a>
      <nav class="top-nav" aria-label="Site">
        <a class="top-link" href="/upload" aria-current={path === "/upload" ? "page" : undefined}>
          <Icon name="upload" size={18} />
          <span>Upload</span>
        </a>
        {may(me, "editor", "adops", "operator") && (
          <a class="top-link top-console" href="/console/">
            <Icon name="metrics" size={18} />
            <span>Console</span>
          </a>
        )}
        {me?.name ? (
          <AccountMenu name={me.name} roles={me.roles} />
        ) : (
          me && (
            <a class="button button-quiet" href={`/sign-in${next}`}>
              Sign in
            </a>
          )
        )}
      </nav>
    </header>
  );
}

function AccountMenu({ name, roles }: { name: string; roles: string[] }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      const key = event instanceof KeyboardEvent;
      if (key ? event.key === "Escape" : !root.current?.contains(event.target as Node)) setOpen(false);
      if (key && event.key === "Escape") root.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", away);
    addEventListener("keydown", away);
    return () => {
      removeEventListener("pointerdown", away);
      removeEventListener("keydown", away);
    };
  }, [open]);
  const signOut = async () => {
    setOpen(false);
    try {
      await api.signOut();
      toast("Signed out");
    } catch (error) {
      toast(sentence(asApiError(error).problem.detail), { tone: "bad" });
    }
  };
  return (
    <div class="account" ref={root}>
      <button type="button" class="avatar" aria-expanded={open} aria-haspopup="true" aria-label={`Account of ${name}`} onClick={() => setOpen(!open)}>
        {name.charAt(0).toUpperCase()}
      </button>
      {open && (
        <div class="menu account-menu">
          <div class="menu-head">
            <strong>{name}</strong>
            <span>{roles.filter((role) => role !== "anyone").join(", ") || "viewer"}</span>
          </div>
          {roles.some((role) => ["editor", "adops", "operator"].includes(role)) && (
            <a class="menu-item" href="/console/">
              <Icon name="metrics" size={18} /> Console
            </a>
          )}
          <button type="button" class="menu-item" onClick={() => void signOut()}>
            <Icon name="signOut" size={18} /> Sign out
          </button>
        </div>
      )}
    </div>
  );
}

function useScrolled(): boolean {
  const [scrolled, setScrolled] = useState(false);
  useEffect(() => {
    const look = () => setScrolled(scrollY > 24);
    look();
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return scrolled;
}
