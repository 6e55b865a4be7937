import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/components/icons.tsx";

/** A row of cards: scrolls by snap, by its two buttons and by the arrow keys. */
export function Shelf({ heading, why, children }: { heading: string; why?: string; children: ComponentChildren }) {
  const line = useRef<HTMLDivElement>(null);
  const id = useId();
  const [ends, setEnds] = useState({ left: true, right: true });

  useEffect(() => {
    const element = line.current;
    if (!element) return;
    const look = () =>
      setEnds({
        left: element.scrollLeft < 4,
        right: element.scrollLeft + element.clientWidth > element.scrollWidth - 4,
      });
    look();
    element.addEventListener("scroll", look, { passive: true });
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      sizes.disconnect();
    };
  }, [children]);

  const page = (direction: number) => line.current?.scrollBy({ left: direction * line.current.clientWidth * 0.92, behavior: smooth() });
  return (
    <section class="shelf" aria-labelledby={id}>
      <div class="shelf-head">
        <h2 id={id}>{heading}</h2>
        {why && <p>{why}</p>}
      </div>
      <div class="shelf-frame">
        <button type="button" class="shelf-turn shelf-turn-left" aria-label={`Back in ${heading}`} tabIndex={-1} hidden={ends.left} onClick={() => page(-1)}>
          <Icon name="chevronLeft" size={28} />
        </button>
        <div class="shelf-line" ref={line} onKeyDown={onArrow}>
          {children}
        </div>
        <button type="button" class="shelf-turn shelf-turn-right" aria-label={`Onward in ${heading}`} tabIndex={-1} hidden={ends.right} onClick={() => page(1)}>
          <Icon name="chevronRight" size={28} />
        </button>
      </div>
    </section>
  );
}

function smooth(): ScrollBehavior {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
}

/** Left and right move along a row, up and down between rows. */
function onArrow(event: KeyboardEvent): void {
  const line = event.currentTarget as HTMLElement;
  const cards = [...line.querySelectorAll<HTMLElement>("a.title-card")];
  const at = cards.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  const target = neighbour(event.key, line, cards, at);
  if (!target) return;
  event.preventDefault();
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest", inline: "nearest", behavior: smooth() });
}

function neighbour(key: string, line: HTMLElement, cards: HTMLElement[], at: number): HTMLElement | undefined {
  if (key === "ArrowRight") return cards[at + 1];
  if (key === "ArrowLeft") return cards[at - 1];
  if (key === "Home") return cards[0];
  if (key === "End") return cards.at(-1);
  if (key !== "ArrowUp" && key !== "ArrowDown") return undefined;
  const lines = [...document.querySelectorAll<HTMLElement>(".shelf-line")];
  const next = lines[lines.indexOf(line) + (key === "ArrowDown" ? 1 : -1)];
  const others = [...(next?.querySelectorAll<HTMLElement>("a.title-card") ?? [])];
  const x = cards[at]?.getBoundingClientRect().left ?? 0;
  return others.find((card) => card.getBoundingClientRect().right > x + 8) ?? others.at(-1);
}
