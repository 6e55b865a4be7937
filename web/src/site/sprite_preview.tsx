import { useEffect, useState } from "preact/hooks";
import type { Title } from "../api/types.ts";
import { at, useEdges } from "../shared/art.ts";
import { parseThumbnails, spread, spriteIndex, type Thumbnail } from "../shared/sprite.ts";

const FRAMES = 12;
const FRAME_MS = 420;

interface Reel {
  picture: string;
  sheet: { width: number; height: number };
  frames: Thumbnail[];
}

const reels = new Map<string, Promise<Reel | null>>();

/** Moments of a film, one after another, over its card. */
export function SpritePreview({ title }: { title: Title }) {
  const edge = useEdges()[0];
  const [reel, setReel] = useState<Reel | null>(null);
  const [step, setStep] = useState(0);
  const index = spriteIndex(title.publication);

  useEffect(() => {
    if (!edge || !index) return;
    let gone = false;
    const address = at(edge, index);
    if (!reels.has(address)) reels.set(address, load(address));
    void reels.get(address)?.then((found) => !gone && setReel(found));
    return () => void (gone = true);
  }, [edge, index]);

  useEffect(() => {
    if (!reel) return;
    const timer = setInterval(() => setStep((current) => current + 1), FRAME_MS);
    return () => clearInterval(timer);
  }, [reel]);

  const frame = reel?.frames[step % reel.frames.length];
  if (!reel || !frame) return null;
  const x = (frame.x / Math.max(1, reel.sheet.width - frame.width)) * 100;
  const y = (frame.y / Math.max(1, reel.sheet.height - frame.height)) * 100;
  return (
    <span
      class="sprite"
      aria-hidden="true"
      style={{
        backgroundImage: `url("${reel.picture}")`,
        backgroundSize: `${(reel.sheet.width / frame.width) * 100}% ${(reel.sheet.height / frame.height) * 100}%`,
        backgroundPosition: `${x}% ${y}%`,
      }}
    />
  );
}

async function load(address: string): Promise<Reel | null> {
  try {
    const answer = await fetch(address);
    if (!answer.ok) return null;
    const frames = spread(parseThumbnails(await answer.text()), FRAMES);
    const first = frames[0];
    if (!first) return null;
    const picture = new URL(first.picture, address).href;
    const image = new Image();
    image.src = picture;
    await image.decode();
    return { picture, sheet: { width: image.naturalWidth, height: image.naturalHeight }, frames };
  } catch {
    return null;
  }
}
