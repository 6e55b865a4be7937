/** Playback gain: all films equally loud, and not a sample changed on the way. */

const NOTHING_DB = 0.05;
const RAMP_S = 0.05;
const GESTURES = ["pointerdown", "keydown"] as const;

/** The factor that a gain in decibels stands for. */
export function factorOf(gain_db: number): number {
  return 10 ** (gain_db / 20);
}

/**
 * Turns the sound of a video element up or down by decibels.
 *
 * Sound that goes through Web Audio is silent until the page may make any, so
 * the element is led through it only once that is certain; until then, and
 * where nothing is to be changed, it plays as it is.
 */
export class Gain {
  applied_db = 0;
  readonly #video: HTMLVideoElement;
  #wanted_db = 0;
  #context: AudioContext | null = null;
  #node: GainNode | null = null;
  #gone = false;
  readonly #try = () => void this.#apply();

  constructor(video: HTMLVideoElement) {
    this.#video = video;
    video.addEventListener("playing", this.#try);
    for (const gesture of GESTURES) addEventListener(gesture, this.#try);
  }

  set(gain_db: number): void {
    this.#wanted_db = gain_db;
    void this.#apply();
  }

  destroy(): void {
    this.#gone = true;
    this.#video.removeEventListener("playing", this.#try);
    for (const gesture of GESTURES) removeEventListener(gesture, this.#try);
    void this.#context?.close();
  }

  async #apply(): Promise<void> {
    if (this.#wanted_db === this.applied_db || typeof AudioContext === "undefined") return;
    if (!this.#node && Math.abs(this.#wanted_db) < NOTHING_DB) return;
    if (!this.#node && !(await this.#lead())) return;
    const { context, gain } = this.#node as GainNode;
    gain.setTargetAtTime(factorOf(this.#wanted_db), context.currentTime, RAMP_S);
    this.applied_db = this.#wanted_db;
  }

  /** Lead the element through a gain, if its sound would be heard there. */
  async #lead(): Promise<boolean> {
    if (this.#video.paused) return false;
    const context = (this.#context ??= new AudioContext());
    if (context.state !== "running") {
      const heard = await Promise.race([context.resume().then(() => true), patience()]);
      if (!heard || this.#gone || this.#node) return this.#node !== null && !this.#gone;
    }
    this.#node = context.createGain();
    context.createMediaElementSource(this.#video).connect(this.#node).connect(context.destination);
    return true;
  }
}

/** Browsers leave `resume` unanswered for as long as nobody has touched the page. */
function patience(): Promise<false> {
  return new Promise((tell) => setTimeout(() => tell(false), 200));
}
