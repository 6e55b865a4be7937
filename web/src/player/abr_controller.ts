/** Our policy in the place of hls.js's own `abrController`. */

import Hls, { Events, type FragBufferedData, type FragLoadingData, type Fragment, type Level } from "hls.js";
import { AbrPolicy, type Policy, type Standing } from "./abr_policy.ts";

const EVERY_MS = 100;
/** What a growing film still has to come, as far as a decision cares. */
const ENDLESS_S = 3600;

/** A rung that was chosen, and how it came about. */
export interface Chosen {
  level: number;
  /** Indices of the levels that it was chosen among, and what each was worth. */
  levels: number[];
  values: number[];
  buffer_s: number;
  throughput_bps: number;
}

/** The levels to choose among: those allowed, of the present codec, lowest first, once per bit rate. */
export function candidates(levels: readonly Level[], least: number, most: number, present: Level | undefined): number[] {
  const allowed = levels
    .map((level, index) => ({ level, index }))
    .filter(({ index }) => index >= least && index <= most)
    .filter(({ level }) => !present || (level.codecSet === present.codecSet && level.videoRange === present.videoRange))
    .filter(({ level }) => level.loadError === 0 || level === present)
    .sort((a, b) => a.level.averageBitrate - b.level.averageBitrate);
  return allowed.filter(({ level }, at) => level.averageBitrate !== allowed[at - 1]?.level.averageBitrate).map(({ index }) => index);
}

/** The same without the best that the film has; what is left when that is all remains. */
export function withoutTop(among: readonly number[], levels: readonly Pick<Level, "height">[]): number[] {
  const tallest = Math.max(...levels.map(({ height }) => height));
  const rest = among.filter((index) => levels[index]?.height !== tallest);
  return rest.length ? rest : among.slice(0, 1);
}

/**
 * The class that hls.js is to make its controller of.
 *
 * Until the first download nothing is known, and hls.js begins with what it
 * would have; after an error its choice stands for one segment. From then on
 * the policy chooses, and leaves a download that a lower rung would overtake.
 *
 * Args: `tell` is called with every rung that is chosen for a segment;
 * `spares` says whether the highest rung is to be left alone, because regions are short of capacity.
 */
export function abrController(policy: Policy, tell: (chosen: Chosen) => void, spares: () => boolean = () => false): typeof Hls.DefaultConfig.abrController {
  return class BijouAbr extends Hls.DefaultConfig.abrController {
    readonly #policy = new AbrPolicy(policy);
    #watch = 0;
    #last = -1;

    override get nextAutoLevel(): number {
      if (!this.hls || !this.#policy.ready || this.hls.levels.length < 2) return super.nextAutoLevel;
      const forced = this.forcedAutoLevel;
      return forced === -1 ? this.#choose().level : forced;
    }

    override set nextAutoLevel(level: number) {
      super.nextAutoLevel = level;
    }

    override clearTimer(): void {
      super.clearTimer();
      clearInterval(this.#watch);
    }

    protected override onFragLoading(event: Events.FRAG_LOADING, data: FragLoadingData): void {
      super.onFragLoading(event, data);
      if (!isMedia(data.frag)) return;
      this.clearTimer();
      if (this.#policy.ready && this.hls.autoLevelEnabled && this.hls.levels.length > 1) tell(this.#choose());
      this.#last = data.frag.level;
      this.#watch = window.setInterval(() => this.#look(data.frag), EVERY_MS);
    }

    protected override onFragBuffered(event: Events.FRAG_BUFFERED, data: FragBufferedData): void {
      super.onFragBuffered(event, data);
      const { loaded, aborted, loading } = data.frag.stats;
      if (aborted || !isMedia(data.frag)) return;
      this.#policy.observe(8 * loaded, Math.max(1, loading.end - loading.first) / 1000, (loading.first - loading.start) / 1000);
    }

    #choose(): Chosen {
      const levels = this.#ladder();
      const standing = this.#standing();
      const { rung, values } = this.#policy.decide(standing);
      return { level: levels[rung] ?? 0, levels, values, buffer_s: standing.buffer_s, throughput_bps: this.#policy.throughput_bps };
    }

    /** Tell the policy what it may choose among; returns those levels. */
    #ladder(): number[] {
      const { levels, minAutoLevel, maxAutoLevel, latestLevelDetails } = this.hls;
      const allowed = candidates(levels, minAutoLevel, maxAutoLevel, levels[this.#last]);
      const among = spares() ? withoutTop(allowed, levels) : allowed;
      const segment_s = latestLevelDetails?.averagetargetduration || latestLevelDetails?.targetduration || 4;
      this.#policy.ladder(among.map((index) => (levels[index] as Level).averageBitrate), segment_s);
      this.#policy.took(Math.max(0, among.findLastIndex((index) => index <= this.#last)));
      return among;
    }

    #standing(): Standing {
      const { media, mainForwardBufferInfo, latestLevelDetails, config } = this.hls;
      const rate = Math.abs(media?.playbackRate ?? 1) || 1;
      const ahead_s = mainForwardBufferInfo?.len ?? 0;
      const left_s = latestLevelDetails?.live === false ? latestLevelDetails.edge - (media?.currentTime ?? 0) - ahead_s : ENDLESS_S;
      return { buffer_s: ahead_s / rate, limit_s: config.maxMaxBufferLength, left_s: Math.max(0, left_s) };
    }

    /** Leave a download if a lower rung, begun now, would be worth more. */
    #look(frag: Fragment): void {
      const { stats, level } = frag;
      const { hls } = this;
      if (!hls?.autoLevelEnabled || stats.aborted || !stats.loading.first || !stats.loaded) return;
      const among = this.#ladder();
      const rung = among.indexOf(level);
      if (rung < 1 || !this.#policy.ready) return;
      const got_bits = 8 * stats.loaded;
      const nominal_bits = (hls.levels[level] as Level).averageBitrate * frag.duration;
      const bits = stats.total > 0 ? 8 * stats.total : Math.max(got_bits, nominal_bits);
      const time_s = (performance.now() - stats.loading.start) / 1000;
      const first_byte_s = (stats.loading.first - stats.loading.start) / 1000;
      const lower = this.#policy.leave({ ...this.#standing(), rung, bits, got_bits, time_s, first_byte_s });
      if (lower < 0) return;
      this.clearTimer();
      this.#policy.observe(got_bits, time_s - first_byte_s, first_byte_s);
      hls.nextLoadLevel = among[lower] as number;
      frag.abortRequests();
      hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part: null, stats });
    }
  };
}

function isMedia(frag: Fragment): boolean {
  return frag.type === "main" && frag.sn !== "initSegment" && !frag.bitrateTest;
}
