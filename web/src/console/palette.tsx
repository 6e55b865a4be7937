import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AdRecord, Audience, Campaign } from "../api/types.ts";
import { Icon, type IconName } from "../shared/components/icons.tsx";
import { navigate } from "../shared/navigation.ts";
import { useResource } from "../shared/resource.ts";
import { api, useMe } from "../shared/session.ts";
import { ranked } from "./palette_rank.ts";
import { admits, ROOMS } from "./rooms.ts";

interface Command {
  name: string;
  kind: string;
  icon: IconName;
  run: () => void;
}

interface Props {
  onClose: () => void;
  onTheme: () => void;
  onSignOut: () => void;
}

const SELLING: readonly Command[] = [
  { name: "New audience", kind: "Action", icon: "audience", run: () => navigate("/console/audiences?new=1") },
  { name: "Upload features of users", kind: "Action", icon: "upload", run: () => navigate("/console/audiences?view=batches") },
  { name: "Delete a person", kind: "Action", icon: "trash", run: () => navigate("/console/audiences?view=people") },
  { name: "New campaign", kind: "Action", icon: "megaphone", run: () => navigate("/console/ads?new=campaign") },
  { name: "Explain why a line item may serve", kind: "Action", icon: "info", run: () => navigate("/console/ads?view=explain") },
];

/** Everything the console can do, by name. */
export function Palette({ onClose, onTheme, onSignOut }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const roles = useMe()?.roles ?? [];
  const sells = roles.includes("adops") || roles.includes("operator");
  const { data: titles } = useResource("titles", api.titles);
  const { data: audiences } = useResource("audiences", async (signal) => (sells ? api.ask<Audience[]>("GET", "/api/audiences", { signal }) : []));
  const { data: campaigns } = useResource("palette campaigns", async (signal) => (sells ? api.ask<AdRecord[]>("GET", "/api/ads/records?kind=campaign&at_most=1000", { signal }) : []));
  useEffect(() => {
    dialog.current?.showModal();
    return () => dialog.current?.close();
  }, []);

  const commands = useMemo<Command[]>(
    () => [
      ...ROOMS.filter((room) => admits(room, roles)).map((room): Command => ({ name: room.name, kind: "Page", icon: room.icon, run: () => navigate(room.path) })),
      { name: "Open the site", kind: "Action", icon: "film", run: () => location.assign("/") },
      { name: "Upload a film", kind: "Action", icon: "upload", run: () => location.assign("/upload") },
      ...(sells ? SELLING : []),
      { name: "Switch between light and dark", kind: "Action", icon: "sun", run: onTheme },
      { name: "Sign out", kind: "Action", icon: "signOut", run: onSignOut },
      ...(titles ?? []).map(
        (title): Command => ({
          name: title.name,
          kind: "Title",
          icon: "film",
          run: () => navigate(`/console/titles?q=${encodeURIComponent(title.name)}`),
        }),
      ),
      ...(audiences ?? []).map((audience): Command => ({ name: audience.name, kind: "Audience", icon: "audience", run: () => navigate(`/console/audiences?audience=${encodeURIComponent(audience.name)}`) })),
      ...(campaigns ?? []).map((record): Command => ({ name: (record.noun as Campaign).name, kind: "Campaign", icon: "megaphone", run: () => navigate(`/console/ads?record=${encodeURIComponent(record.id)}`) })),
    ],
    [titles, audiences, campaigns, sells, onTheme, onSignOut],
  );
  const found = ranked(commands, typed, 12);
  const choose = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      const next = (at + step + found.length) % Math.max(1, found.length);
      setAt(next);
      list.current?.children[next]?.scrollIntoView({ block: "nearest" });
    }
    if (event.key === "Enter") {
      event.preventDefault();
      choose(found[at]);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Commands"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <label class="palette-field">
        <Icon name="search" />
        <input
          placeholder="Go to a page, a title, or do something"
          aria-label="Command"
          role="combobox"
          aria-expanded="true"
          aria-controls="palette-list"
          aria-activedescendant={found[at] ? `palette-${at}` : undefined}
          autofocus
          value={typed}
          onInput={(event) => {
            setTyped(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKey}
        />
        <kbd>Esc</kbd>
      </label>
      <ul id="palette-list" role="listbox" aria-label="Commands" ref={list}>
        {found.map((command, index) => (
          <li
            key={`${command.kind} ${command.name} ${index}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === at}
            onPointerMove={() => setAt(index)}
            onClick={() => choose(command)}
          >
            <Icon name={command.icon} size={18} />
            <span>{command.name}</span>
            <small>{command.kind}</small>
          </li>
        ))}
        {found.length === 0 && <li class="palette-none">Nothing is called that.</li>}
      </ul>
    </dialog>
  );
}
