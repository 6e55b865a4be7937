/** Counts the times that the picture stood still for want of media. */

export interface Moment {
  seeking: boolean;
  ended: boolean;
}

/** Waiting before the first picture, after a jump or at the end is no stall. */
export class Stalls {
  #count = 0;
  #playing = false;

  get count(): number {
    return this.#count;
  }

  playing(): void {
    this.#playing = true;
  }

  paused(): void {
    this.#playing = false;
  }

  waiting(at: Moment): void {
    if (this.#playing && !at.seeking && !at.ended) this.#count += 1;
    this.#playing = false;
  }
}
