import type { Title } from "../api/types.ts";
import { Icon } from "../shared/components/icons.tsx";
import { sentence } from "../shared/problem.ts";
import type { PlayerEngine } from "./engine.ts";
import type { PlayerView } from "./view.ts";

interface Props {
  view: PlayerView | null;
  engine: PlayerEngine | null;
  title: Title | null;
  onLeave: () => void;
}

/** What stands over the picture before it starts, after it ends, and in trouble. */
export function Curtain({ view, engine, title, onLeave }: Props) {
  if (!view || !engine) return null;
  const dry = view.trouble !== null && engine.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  if (view.trouble !== null && (dry || !view.started)) {
    return (
      <div class="curtain" role="alert" noautohide>
        <Icon name="alert" size={40} />
        <p class="curtain-words">{sentence(view.trouble.words)}</p>
        <p class="curtain-note">It is tried again by itself every few seconds, from where you were.</p>
        <p class="curtain-code">
          <code>{view.trouble.code}</code>
        </p>
        <div class="curtain-actions">
          <button type="button" class="button button-accent" onClick={() => engine.retry()}>
            <Icon name="replay" size={18} /> Retry
          </button>
          <button type="button" class="button button-glass" onClick={onLeave}>
            Back
          </button>
        </div>
      </div>
    );
  }
  if (view.needs_click && !view.started) {
    return (
      <div class="curtain curtain-clear" noautohide>
        <button type="button" class="curtain-play" aria-label={`Play ${title?.name ?? "the film"}`} onClick={() => engine.play()}>
          <Icon name="play" solid size={40} />
        </button>
      </div>
    );
  }
  if (view.ended) {
    return (
      <div class="curtain" noautohide>
        <p class="curtain-words">{title ? `That was ${title.name}.` : "The end."}</p>
        <div class="curtain-actions">
          <button
            type="button"
            class="button button-accent"
            onClick={() => {
              engine.video.currentTime = 0;
              engine.play();
            }}
          >
            <Icon name="replay" size={18} /> Watch again
          </button>
          <button type="button" class="button button-glass" onClick={onLeave}>
            More like this
          </button>
        </div>
      </div>
    );
  }
  return null;
}
