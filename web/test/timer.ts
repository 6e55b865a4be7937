import type { Timer } from "../src/player/timer.ts";

/** Time that passes when told to, run by run, with everything awaited in between. */
export class VirtualTimer implements Timer {
  #now = 0;
  #due: { at_ms: number; run: () => void }[] = [];

  now_ms = () => this.#now;
  wall_ms = () => 1_700_000_000_000 + this.#now;
  after = (delay_ms: number, run: () => void) => {
    const entry = { at_ms: this.#now + delay_ms, run };
    this.#due.push(entry);
    return () => void (this.#due = this.#due.filter((one) => one !== entry));
  };

  /** How many runs are due at some time. */
  get waiting(): number {
    return this.#due.length;
  }

  async pass(by_ms: number): Promise<void> {
    const end = this.#now + by_ms;
    await settled();
    for (;;) {
      const next = this.#due.filter(({ at_ms }) => at_ms <= end).sort((a, b) => a.at_ms - b.at_ms)[0];
      if (!next) break;
      this.#due = this.#due.filter((one) => one !== next);
      this.#now = next.at_ms;
      next.run();
      await settled();
    }
    this.#now = end;
  }
}

/** Until nothing that was resolved has anything left to do. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}
