import { useCallback, useEffect, useState } from "preact/hooks";
import type { Whoami } from "../api/types.ts";
import { Icon, Jewel } from "../shared/components/icons.tsx";
import { ProblemView } from "../shared/components/problem_view.tsx";
import { OfflineBanner, Quiet, useTitle } from "../shared/components/small.tsx";
import { toast, Toasts } from "../shared/components/toast.tsx";
import { lazily } from "../shared/lazy.tsx";
import { interceptLinks, navigate, usePlace } from "../shared/navigation.ts";
import { asApiError, sentence, unreachable } from "../shared/problem.ts";
import { downSince } from "../shared/connection.ts";
import { api, signInHere, useMe } from "../shared/session.ts";
import { useStore } from "../shared/store.ts";
import { Encodes } from "./pages/encodes.tsx";
import { Overview } from "./pages/overview.tsx";
import { Regions } from "./pages/regions.tsx";
import { Titles } from "./pages/titles.tsx";
import { Users } from "./pages/users.tsx";
import { Palette } from "./palette.tsx";
import { admits, ROOMS, type Room, rolesWords, roomOf } from "./rooms.ts";
import { switchTheme, theme } from "./theme.ts";

const Compatibility = lazily(() => import("./pages/compatibility/page.tsx").then((module) => module.CompatibilityPage));
const Ads = lazily(() => import("./pages/ads/page.tsx").then((module) => module.AdsPage));
const Audiences = lazily(() => import("./pages/audiences/page.tsx").then((module) => module.AudiencesPage));

const PAGES: Record<string, () => preact.JSX.Element> = {
  "/console/compatibility": Compatibility,
  "/console/": Overview,
  "/console/titles": Titles,
  "/console/encodes": Encodes,
  "/console/ads": Ads,
  "/console/audiences": Audiences,
  "/console/regions": Regions,
  "/console/users": Users,
};

export function App() {
  const me = useMe();
  const down = useStore(downSince);
  useEffect(() => interceptLinks((path) => path.startsWith("/console")), []);
  useEffect(() => {
    if (me && !me.name) location.replace(signInHere());
  }, [me]);
  if (!me || !me.name) {
    return (
      <div class="console-wait">
        {down && !me ? <ProblemView error={unreachable()} onRetry={() => location.reload()} /> : <Jewel size={40} />}
      </div>
    );
  }
  return <Shell me={me} />;
}

function Shell({ me }: { me: Whoami }) {
  const { path } = usePlace();
  const room = roomOf(path);
  const [palette, setPalette] = useState(false);
  const [rail, setRail] = useState(false);
  const signOut = useCallback(() => {
    api.signOut().then(
      () => location.assign("/"),
      (error: unknown) => toast(sentence(asApiError(error).problem.detail), { tone: "bad" }),
    );
  }, []);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette((open) => !open);
      }
      if (event.key === "Escape") setRail(false);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => setRail(false), [path]);
  useTitle(`${room?.name ?? "Not found"} · bijou console`);
  const allowed = room ? admits(room, me.roles) : ROOMS.some((one) => admits(one, me.roles));
  const home = ROOMS.find((one) => admits(one, me.roles));
  useEffect(() => {
    if (!allowed && home && room === ROOMS[0]) navigate(home.path, { replace: true });
  }, [allowed, home, room]);
  return (
    <div class="console">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Rail me={me} room={room} open={rail} onClose={() => setRail(false)} />
      <div class="console-main">
        <header class="bar">
          <button type="button" class="icon-button bar-menu" aria-label="Rooms" aria-expanded={rail} onClick={() => setRail(!rail)}>
            <Icon name="menu" />
          </button>
          <nav class="crumbs" aria-label="Breadcrumbs">
            <ol>
              <li>
                <a href="/console/">Console</a>
              </li>
              <li aria-current="page">{room?.name ?? "Not found"}</li>
            </ol>
          </nav>
          <button type="button" class="bar-command" onClick={() => setPalette(true)}>
            <Icon name="search" size={18} />
            <span>Search and commands</span>
            <kbd>Ctrl K</kbd>
          </button>
          <ThemeButton />
          <button type="button" class="icon-button" aria-label={`Sign out ${me.name}`} title={`Sign out ${me.name}`} onClick={signOut}>
            <Icon name="signOut" />
          </button>
        </header>
        <OfflineBanner />
        <main id="main" tabIndex={-1}>
          {allowed ? <RoomPage room={room} /> : <NotAllowed name={me.name} room={room} />}
        </main>
      </div>
      {palette && <Palette onClose={() => setPalette(false)} onTheme={switchTheme} onSignOut={signOut} />}
      <Toasts />
    </div>
  );
}

function Rail({ me, room, open, onClose }: { me: Whoami; room: Room | undefined; open: boolean; onClose: () => void }) {
  return (
    <>
      {open && <div class="rail-veil" onClick={onClose} />}
      <nav class={open ? "rail rail-open" : "rail"} aria-label="Rooms">
        <a class="rail-mark" href="/" aria-label="bijou, to the site">
          <Jewel /> <span>bijou</span>
        </a>
        <ul>
          {ROOMS.filter((one) => !one.unlisted && admits(one, me.roles)).map((one) => (
            <li key={one.path} class={one.last ? "rail-last" : ""}>
              <a href={one.path} class={one.closed ? "rail-closed" : ""} aria-current={one === room ? "page" : undefined} title={one.name}>
                <Icon name={one.icon} size={20} />
                <span>{one.name}</span>
              </a>
            </li>
          ))}
        </ul>
      </nav>
    </>
  );
}

function ThemeButton() {
  const now = useStore(theme);
  return (
    <button type="button" class="icon-button" aria-label={now === "dark" ? "Light theme" : "Dark theme"} onClick={switchTheme}>
      <Icon name={now === "dark" ? "sun" : "moon"} />
    </button>
  );
}

function RoomPage({ room }: { room: Room | undefined }) {
  if (!room) {
    return (
      <Quiet icon="film" heading="No such room" words={`There is no page at ${location.pathname}.`}>
        <a class="button button-accent" href="/console/">
          To the console
        </a>
      </Quiet>
    );
  }
  if (room.closed) {
    return (
      <Quiet icon={room.icon} heading={room.name} words={room.closed}>
        <a class="button" href="/console/titles">
          To the titles
        </a>
      </Quiet>
    );
  }
  const Page = PAGES[room.path] as () => preact.JSX.Element;
  return <Page key={room.path} />;
}

function NotAllowed({ name, room }: { name: string; room: Room | undefined }) {
  const roles = room?.roles ?? ["editor", "adops", "operator"];
  return (
    <Quiet icon="people" heading={`For ${rolesWords(roles)}`} words={`${name} has no such role. An operator can give one, in the console under Users.`}>
      <a class="button" href="/">
        To the films
      </a>
    </Quiet>
  );
}
