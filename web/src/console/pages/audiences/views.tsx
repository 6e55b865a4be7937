import { useEffect, useRef } from "preact/hooks";

export interface ViewLink {
  words: string;
  to: string;
  here: boolean;
}

/** The views of a room, as links; the one that is open is always in sight. */
export function Views({ label, links }: { label: string; links: readonly ViewLink[] }) {
  const here = useRef<HTMLAnchorElement>(null);
  const open = links.find((link) => link.here)?.to;
  useEffect(() => here.current?.scrollIntoView({ block: "nearest", inline: "nearest" }), [open]);
  return (
    <nav class="views" aria-label={label}>
      {links.map((link) => (
        <a key={link.to} ref={link.here ? here : null} href={link.to} aria-current={link.here ? "page" : undefined}>
          {link.words}
        </a>
      ))}
    </nav>
  );
}
