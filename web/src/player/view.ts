/** What the controls and the figures show of a film being played. */

import type { Chosen } from "./abr_controller.ts";
import type { Decider } from "./pathways.ts";
import type { SteeringState } from "./steering.ts";

export interface Rung {
  index: number;
  height: number;
  bitrate_bps: number;
}

export interface Choice {
  index: number;
  label: string;
}

/** What is wrong, in words and as a code. */
export interface Trouble {
  words: string;
  code: string;
}

/** What the controls show. */
export interface PlayerView {
  rungs: Rung[];
  /** Index of the rung that the person chose; -1 leaves the choice to the player. */
  chosen: number;
  playing_height: number;
  sounds: Choice[];
  sound: number;
  captions: Choice[];
  caption: number;
  pathway: string;
  started: boolean;
  needs_click: boolean;
  ended: boolean;
  /** Whether the film's playlists still grow. */
  arriving: boolean;
  /** Seconds of it that are there by now; 0 while unknown. */
  there_s: number;
  /** Why nothing more comes; null while all is well. */
  trouble: Trouble | null;
}

export interface PlayerState {
  currentTime: number;
  levels: { height: number; bitrate: number }[];
  currentLevelHeight: number;
  /** Changes of rendition after the first. */
  switches: number;
  stalls: number;
  pathway: string;
  pathwaySwitches: number;
  /** Pathways, best first, as told last; and who chose the one in use. */
  pathwayOrder: readonly string[];
  pathwayDecider: Decider;
  steering: SteeringState | null;
  arriving: boolean;
  there_s: number;
  /** By how much the sound is turned up, in decibels. */
  gain_db: number;
  errors: { details: string; fatal: boolean; at_s: number }[];
}

export interface Figures {
  rendition: string;
  codecs: string;
  bitrate_bps: number;
  throughput_bps: number;
  buffer_s: number;
  dropped: number;
  frames: number;
  pathway: string;
  pathway_switches: number;
  pathway_order: readonly string[];
  pathway_decider: Decider;
  /** Null where the session is not steered. */
  steering: SteeringState | null;
  /** Seconds since the last steering answer; null before the first. */
  steered_s: number | null;
  switches: number;
  stalls: number;
  window: string;
  /** The last choice of the adaptation; null while a person or nobody chose. */
  choice: Chosen | null;
  heights: number[];
}

export const FRESH: PlayerView = {
  rungs: [],
  chosen: -1,
  playing_height: 0,
  sounds: [],
  sound: -1,
  captions: [],
  caption: -1,
  pathway: "",
  started: false,
  needs_click: false,
  ended: false,
  arriving: false,
  there_s: 0,
  trouble: null,
};
