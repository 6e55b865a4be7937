import type { Title } from "../../api/types.ts";
import { Icon } from "../../shared/components/icons.tsx";
import { audioLanguages, factsOf } from "../../shared/facts.ts";
import { clock } from "../../shared/format.ts";
import { positions } from "../../shared/resume.ts";
import { Art } from "../art.tsx";
import { warmPlayer } from "../watch/watch.tsx";

/** The one film that the page opens with. */
export function Hero({ title, heading }: { title: Title; heading: string }) {
  const position = positions().of(title.slug);
  const facts = [...factsOf(title), ...audioLanguages(title)];
  const slug = encodeURIComponent(title.slug);
  return (
    <section class="hero" aria-label={title.name}>
      <Art title={title} class="hero-art" eager />
      <div class="hero-words">
        <p class="eyebrow">{heading}</p>
        <h1 class="display">{title.name}</h1>
        <p class="facts">
          {facts.map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
        </p>
        {title.synopsis && <p class="hero-synopsis">{title.synopsis}</p>}
        <div class="hero-actions">
          <a class="button button-accent button-large" href={`/watch/${slug}`} onPointerEnter={warmPlayer} onFocus={warmPlayer}>
            <Icon name="play" solid size={20} /> {position ? `Resume at ${clock(position.at_s)}` : "Play"}
          </a>
          <a class="button button-glass button-large" href={`/t/${slug}`}>
            <Icon name="info" size={20} /> More
          </a>
        </div>
      </div>
    </section>
  );
}
