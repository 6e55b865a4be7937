import "./chrome.ts";
import "./player.css";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Session, Title } from "../api/types.ts";
import { Icon } from "../shared/components/icons.tsx";
import { clockLength } from "../shared/format.ts";
import { positions } from "../shared/resume.ts";
import { Store, useStore } from "../shared/store.ts";
import { PlayerEngine } from "./engine.ts";
import { FiguresPanel } from "./figures_panel.tsx";
import { KeyHelp } from "./key_help.tsx";
import { type Action, actionOf, nextSpeed } from "./keys.ts";
import { Clock } from "./clock.tsx";
import { Curtain } from "./curtain.tsx";
import { SettingsMenu } from "./settings_menu.tsx";
import type { PlayerState, PlayerView } from "./view.ts";

declare global {
  interface Window {
    bijouPlayer?: { hls: PlayerEngine["hls"]; video: HTMLVideoElement; state: () => PlayerState };
  }
}

interface Props {
  slug: string;
  session: Session;
  title: Title | null;
  start_s: number;
  /** Address of the WebVTT file of thumbnails, or empty. */
  thumbnails: string;
  poster: string;
  onLeave: () => void;
}

const nothing = new Store<PlayerView | null>(null);
const SAVE_EVERY_MS = 5000;

/** The film and its controls. */
export function Player({ slug, session, title, start_s, thumbnails, poster, onLeave }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const stage = useRef<HTMLElement>(null);
  const [engine, setEngine] = useState<PlayerEngine | null>(null);
  const [panel, setPanel] = useState<"settings" | "help" | null>(null);
  const [figures, setFigures] = useState(false);
  const [said, setSaid] = useState({ words: "", at: 0 });
  const view = useStore((engine?.view ?? nothing) as Store<PlayerView | null>);

  useEffect(() => {
    const element = video.current as HTMLVideoElement;
    const made = new PlayerEngine(element, session, start_s);
    setEngine(made);
    window.bijouPlayer = { hls: made.hls, video: element, state: () => made.state() };
    const save = () => {
      if (Number.isFinite(element.duration) && made.view.value.started) {
        positions().save(slug, element.currentTime, element.duration, Date.now());
      }
    };
    const timer = setInterval(save, SAVE_EVERY_MS);
    element.addEventListener("pause", save);
    addEventListener("pagehide", save);
    return () => {
      save();
      clearInterval(timer);
      element.removeEventListener("pause", save);
      removeEventListener("pagehide", save);
      delete window.bijouPlayer;
      made.destroy();
    };
  }, [session]);

  const whole_s = title?.publication.media.duration_s ?? 0;
  const arriving = Boolean(view?.arriving && whole_s > 0);
  useEffect(() => {
    const sounds = title?.publication.renditions.filter((one) => one.gain_db) ?? [];
    engine?.setGains(new Map(sounds.map((one) => [one.name, one.gain_db ?? 0])));
  }, [engine, title]);

  const act = useCallback(
    (action: Action) => {
      const element = video.current;
      if (!element || !engine) return;
      const say = (words: string) => setSaid({ words, at: performance.now() });
      if (action.do === "help") setPanel((now) => (now === "help" ? null : "help"));
      else if (action.do === "nerd") setFigures((now) => !now);
      else if (action.do === "close") panel ? setPanel(null) : setFigures(false);
      else if (action.do === "captions") toggleCaptions(engine, say);
      else if (action.do === "fullscreen") void toggleFullScreen(stage.current);
      else perform(element, action, say);
    },
    [engine, panel],
  );

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]")) return;
      const action = actionOf({ ...pressed(event), target: (event.target as Element).localName ?? "" });
      if (!action) return;
      event.preventDefault();
      wake(stage.current);
      act(action);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [act]);

  // Controls that a panel held in place leave again once it is closed.
  useEffect(() => wake(stage.current), [panel]);

  return (
    <media-controller ref={stage} class="player" nohotkeys autohide={panel ? "-1" : "2"} breakpoints="small:0 wide:720" onDblClick={(event: MouseEvent) => (event.target as Element).localName !== "button" && onStage(event) && act({ do: "fullscreen" })}>
      {/* biome-ignore lint/a11y/useMediaCaption: captions come with the playlist */}
      <video ref={video} slot="media" crossOrigin="anonymous" playsInline preload="auto" poster={poster || undefined} aria-label={title?.name ?? "Film"}>
        {thumbnails && <track kind="metadata" label="thumbnails" default src={thumbnails} />}
      </video>
      <div slot="top-chrome" class="player-top">
        <button type="button" class="player-button" aria-label="Back" onClick={onLeave}>
          <Icon name="arrowLeft" size={26} />
        </button>
        <h1>{title?.name ?? ""}</h1>
        {arriving && (
          <p class="player-arriving">
            Still arriving: the first {clockLength(view?.there_s ?? 0)} of {clockLength(whole_s)} can be watched
          </p>
        )}
      </div>
      <media-loading-indicator slot="centered-chrome" noautohide />
      <Curtain view={view} engine={engine} onLeave={onLeave} title={title} />
      <div class="player-bottom">
        <media-time-range aria-label="Position">
          <media-preview-thumbnail slot="preview" />
          <media-preview-time-display slot="preview" />
        </media-time-range>
        <media-control-bar>
          <media-play-button notooltip />
          <media-seek-backward-button seekoffset="10" notooltip class="player-roomy" />
          <media-seek-forward-button seekoffset="10" notooltip class="player-roomy" />
          <media-mute-button notooltip />
          <media-volume-range class="player-roomy" />
          <Clock video={video} whole_s={arriving ? whole_s : 0} />
          <span class="player-space" />
          {view && view.captions.length > 0 && (
            <button type="button" class="player-button" aria-label="Captions" aria-pressed={view.caption >= 0} onClick={() => act({ do: "captions" })}>
              <Icon name="captions" size={24} />
            </button>
          )}
          <button type="button" class="player-button player-roomy" aria-label="Keyboard help" onClick={() => act({ do: "help" })}>
            <Icon name="keyboard" size={24} />
          </button>
          <button
            type="button"
            class="player-button"
            aria-label="Settings"
            aria-expanded={panel === "settings"}
            onClick={() => setPanel(panel === "settings" ? null : "settings")}
          >
            <Icon name="gear" size={23} />
          </button>
          <media-pip-button notooltip class="player-roomy" />
          <media-fullscreen-button notooltip />
        </media-control-bar>
      </div>
      {panel === "settings" && engine && view && (
        <SettingsMenu engine={engine} view={view} figures={figures} onFigures={() => setFigures(!figures)} onClose={() => setPanel(null)} />
      )}
      {figures && engine && <FiguresPanel engine={engine} onClose={() => setFigures(false)} />}
      {panel === "help" && <KeyHelp onClose={() => setPanel(null)} />}
      {said.words && (
        <div class="player-said" noautohide key={said.at} role="status">
          {said.words}
        </div>
      )}
    </media-controller>
  );
}

function pressed({ key, ctrlKey, metaKey, altKey }: KeyboardEvent) {
  return { key, ctrlKey, metaKey, altKey };
}

/** Controls that left come back on a key, as they do on a move of the pointer. */
function wake(stage: HTMLElement | null): void {
  stage?.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, pointerType: "mouse" }));
}

function onStage(event: MouseEvent): boolean {
  return ["media-controller", "video", "media-gesture-receiver"].includes((event.target as Element).localName);
}

function perform(video: HTMLVideoElement, action: Action, say: (words: string) => void): void {
  if (action.do === "toggle") {
    if (video.paused) void video.play().catch(() => undefined);
    else video.pause();
  } else if (action.do === "seek") {
    video.currentTime = Math.min(video.duration || 0, Math.max(0, video.currentTime + action.by_s));
    say(`${action.by_s > 0 ? "+" : "−"}${Math.abs(action.by_s)} s`);
  } else if (action.do === "go") {
    if (Number.isFinite(video.duration)) video.currentTime = video.duration * action.share;
  } else if (action.do === "volume") {
    video.muted = false;
    video.volume = Math.min(1, Math.max(0, Math.round((video.volume + action.by) * 100) / 100));
    say(`Volume ${Math.round(video.volume * 100)} %`);
  } else if (action.do === "mute") {
    video.muted = !video.muted;
    say(video.muted ? "Muted" : "Sound on");
  } else if (action.do === "speed") {
    video.playbackRate = nextSpeed(video.playbackRate, action.by);
    say(`${video.playbackRate}×`);
  }
}

function toggleCaptions(engine: PlayerEngine, say: (words: string) => void): void {
  const { captions, caption } = engine.view.value;
  if (!captions.length) {
    say("This film has no captions");
    return;
  }
  const next = caption >= 0 ? -1 : 0;
  engine.chooseCaption(next);
  say(next >= 0 ? `Captions: ${captions[next]?.label}` : "Captions off");
}

async function toggleFullScreen(stage: HTMLElement | null): Promise<void> {
  try {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await stage?.requestFullscreen();
  } catch {
    // The browser does not allow it here; the film goes on in the window.
  }
}
