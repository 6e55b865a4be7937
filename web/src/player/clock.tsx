import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { clockLength } from "../shared/format.ts";

const EVENTS = ["timeupdate", "seeking", "durationchange", "ended"];

/** Where the film stands and how long it is, rounded as everywhere else. */
export function Clock({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const [face, setFace] = useState(`${clockLength(0)} / ${clockLength(0)}`);
  useEffect(() => {
    const element = video.current as HTMLVideoElement;
    const look = () => setFace(`${clockLength(element.currentTime)} / ${clockLength(element.duration)}`);
    look();
    for (const event of EVENTS) element.addEventListener(event, look);
    return () => {
      for (const event of EVENTS) element.removeEventListener(event, look);
    };
  }, [video]);
  return <span class="player-clock">{face}</span>;
}
