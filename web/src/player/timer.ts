/** Time as the player's background work sees it; tests hand in their own. */

export interface Timer {
  /** Milliseconds that only grow. */
  now_ms: () => number;
  /** Milliseconds since 1970, for those who compare it with others. */
  wall_ms: () => number;
  /** Run something later; returns the way to call it off. */
  after: (delay_ms: number, run: () => void) => () => void;
}

export const BROWSER_TIMER: Timer = {
  now_ms: () => performance.now(),
  wall_ms: () => Date.now(),
  after: (delay_ms, run) => {
    const id = setTimeout(run, delay_ms);
    return () => clearTimeout(id);
  },
};
