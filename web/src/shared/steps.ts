/** The steps and the ends of an encode, as people say them. */

import type { Job } from "../api/types.ts";

/** Whether somebody ended a job; to the queue that is a refusal. */
export function isCancelled(job: Job): boolean {
  return job.problem?.code === "encoding.cancelled";
}

/** A step of the queue in a person's words: `encode v360` is "Encoding 360p". */
export function stepWords(step: string): string {
  const [verb = "", what = ""] = step.split(" ");
  const rung = /^v(\d+)$/.exec(what)?.[1];
  const thing = rung ? `${rung}p` : /^a\d+/.test(what) ? "sound" : what;
  const words: Record<string, string> = {
    "": "Waiting for an encoder",
    inspect: "Inspecting",
    encode: "Encoding",
    package: "Packaging",
    publish: "Publishing",
    poster: "Drawing the poster",
    sprite: "Drawing the thumbnails",
    fetch: "Fetching the file",
  };
  const said = words[verb] ?? verb.charAt(0).toUpperCase() + verb.slice(1);
  return thing ? `${said} ${thing}` : said;
}
