import { useRef, useState } from "preact/hooks";
import type { Title } from "../../api/types.ts";
import { factsOf } from "../../shared/facts.ts";
import { positions } from "../../shared/resume.ts";
import { Art } from "../art.tsx";
import { SpritePreview } from "../sprite_preview.tsx";

const LINGER_MS = 260;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** One title in a row: its picture, and after a moment under the pointer its reel. */
export function Card({ title, eager = false }: { title: Title; eager?: boolean }) {
  const [lingering, setLingering] = useState(false);
  const timer = useRef(0);
  const position = positions().of(title.slug);
  const enter = (event: PointerEvent) => {
    if (event.pointerType !== "mouse" || calm.matches) return;
    timer.current = window.setTimeout(() => setLingering(true), LINGER_MS);
  };
  const leave = () => {
    clearTimeout(timer.current);
    setLingering(false);
  };
  return (
    <a class="title-card" href={`/t/${encodeURIComponent(title.slug)}`} onPointerEnter={enter} onPointerLeave={leave} draggable={false}>
      <span class="title-card-picture">
        <Art title={title} eager={eager} />
        {lingering && title.publication.sprite && <SpritePreview title={title} />}
        {position && (
          <span class="title-card-seen" aria-label={`${Math.round((position.at_s / position.duration_s) * 100)} % watched`} role="img">
            <span style={{ width: `${(position.at_s / position.duration_s) * 100}%` }} />
          </span>
        )}
      </span>
      <span class="title-card-name">{title.name}</span>
      <span class="title-card-facts">{factsOf(title).join(" · ")}</span>
    </a>
  );
}

export function CardSkeleton() {
  return (
    <span class="title-card" aria-hidden="true">
      <span class="title-card-picture skeleton" />
      <span class="title-card-name">
        <span class="skeleton line" style={{ width: "70%" }} />
      </span>
      <span class="title-card-facts">
        <span class="skeleton line" style={{ width: "45%" }} />
      </span>
    </span>
  );
}
