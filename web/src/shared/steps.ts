/** The steps and the ends of an encode, as people say them. */

import type { Job, JobState } from "../api/types.ts";

/** Whether somebody ended a job; to the queue that is a refusal. */
export function isCancelled(job: Job): boolean {
  return job.problem?.code === "encoding.cancelled";
}

const STATE_WORDS: Record<JobState, string> = {
  queued: "Waiting",
  running: "At work",
  done: "Done",
  refused: "Refused",
  failed: "Failed",
};

/** How a job stands: its words, and the class that colours them. */
export function stateOf(job: Job): { words: string; tone: string } {
  return isCancelled(job) ? { words: "Cancelled", tone: "cancelled" } : { words: STATE_WORDS[job.state], tone: job.state };
}

const STEP_WORDS: Record<string, string> = {
  "": "Waiting for an encoder",
  inspect: "Inspecting",
  plan: "Planning",
  chunk: "Encoding",
  audio: "Encoding sound",
  stills: "Drawing the pictures",
  captions: "Writing captions",
  live: "Writing playlists",
  publish: "Publishing",
};

/** A step of a job, which is a kind of its tasks, in a person's words: `chunk` is "Encoding". */
export function stepWords(step: string): string {
  return STEP_WORDS[step] ?? step.charAt(0).toUpperCase() + step.slice(1);
}
