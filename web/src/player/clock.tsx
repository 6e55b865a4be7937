import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { clockLength } from "../shared/format.ts";

const EVENTS = ["timeupdate", "seeking", "durationchange", "ended"];

/**
 * Where the film stands and how long it is, rounded as everywhere else.
 *
 * Args: `whole_s` is its length where only the beginning is there yet, else 0.
 */
export function Clock({ video, whole_s }: { video: RefObject<HTMLVideoElement | null>; whole_s: number }) {
  const [face, setFace] = useState(`${clockLength(0)} / ${clockLength(0)}`);
  useEffect(() => {
    const element = video.current as HTMLVideoElement;
    const look = () => setFace(`${clockLength(element.currentTime)} / ${clockLength(whole_s || element.duration)}`);
    look();
    for (const event of EVENTS) element.addEventListener(event, look);
    return () => {
      for (const event of EVENTS) element.removeEventListener(event, look);
    };
  }, [video, whole_s]);
  return <span class="player-clock">{face}</span>;
}
