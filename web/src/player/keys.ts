/** What keys mean while a film is shown. */

export type Action =
  | { do: "toggle" }
  | { do: "seek"; by_s: number }
  | { do: "go"; share: number }
  | { do: "volume"; by: number }
  | { do: "speed"; by: number }
  | { do: "mute" }
  | { do: "fullscreen" }
  | { do: "captions" }
  | { do: "nerd" }
  | { do: "help" }
  | { do: "close" };

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  /** Lower-case tag of the element that has the focus. */
  target: string;
}

const ACTIONS: Record<string, Action> = {
  " ": { do: "toggle" },
  k: { do: "toggle" },
  ArrowLeft: { do: "seek", by_s: -5 },
  ArrowRight: { do: "seek", by_s: 5 },
  j: { do: "seek", by_s: -10 },
  l: { do: "seek", by_s: 10 },
  ArrowUp: { do: "volume", by: 0.05 },
  ArrowDown: { do: "volume", by: -0.05 },
  "<": { do: "speed", by: -0.25 },
  ">": { do: "speed", by: 0.25 },
  Home: { do: "go", share: 0 },
  End: { do: "go", share: 1 },
  m: { do: "mute" },
  f: { do: "fullscreen" },
  c: { do: "captions" },
  n: { do: "nerd" },
  "?": { do: "help" },
  Escape: { do: "close" },
};

/** For the help window: keys, and what they do. */
export const KEY_HELP: readonly (readonly [string[], string])[] = [
  [["Space", "K"], "Play or pause"],
  [["←", "→"], "5 seconds back or on"],
  [["J", "L"], "10 seconds back or on"],
  [["0", "–", "9"], "Jump to that tenth of the film"],
  [["↑", "↓"], "Louder or quieter"],
  [["M"], "Mute"],
  [["<", ">"], "Slower or faster"],
  [["F"], "Full screen"],
  [["C"], "Captions"],
  [["N"], "What is being played, in figures"],
  [["?"], "This help"],
];

const BUTTON = /^(button|a|summary|media-.*-button)$/;
const SLIDER = /^(media-(time|volume)-range|input)$/;
const TEXT = /^(textarea|select)$/;

/** What a key asks for; null where the focused control has its own use for it. */
export function actionOf({ key, ctrlKey, metaKey, altKey, target }: Pressed): Action | null {
  if (ctrlKey || metaKey || altKey || TEXT.test(target)) return null;
  if (BUTTON.test(target) && (key === " " || key === "Enter")) return null;
  if (SLIDER.test(target) && /^(Arrow|Home|End|Page| )/.test(key)) return null;
  if (/^[0-9]$/.test(key)) return { do: "go", share: Number(key) / 10 };
  return ACTIONS[key.length === 1 ? key.toLowerCase() : key] ?? null;
}

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];

/** The next speed on the scale. */
export function nextSpeed(now: number, by: number): number {
  return Math.min(SPEEDS.at(-1) as number, Math.max(SPEEDS[0] as number, Math.round((now + by) * 4) / 4));
}
