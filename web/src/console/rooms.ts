/** The rail: every room of the console, and whether it is open yet. */

import type { IconName } from "../shared/components/icons.tsx";

export interface Room {
  path: string;
  name: string;
  icon: IconName;
  /** Why there is nothing in it yet; absent where it is open. */
  closed?: string;
  operator?: boolean;
  /** Found by its name and by links, and left out of the rail. */
  unlisted?: boolean;
}

export const ROOMS: readonly Room[] = [
  { path: "/console/", name: "Watch", icon: "play" },
  { path: "/console/titles", name: "Titles", icon: "film" },
  { path: "/console/encodes", name: "Encodes", icon: "encode" },
  { path: "/console/ads", name: "Ads", icon: "megaphone", closed: "Campaigns, pacing and reports open with the ads room." },
  { path: "/console/audiences", name: "Audiences", icon: "audience", closed: "Groups of viewers and their rules open with the audience room." },
  { path: "/console/regions", name: "Regions", icon: "region" },
  { path: "/console/metrics", name: "Metrics", icon: "metrics", closed: "Plots of what viewers get, and the alerts on them, open with the metrics room." },
  { path: "/console/drills", name: "Drills", icon: "drill", closed: "Failures made on purpose, and how the house took them, open with the drills room." },
  { path: "/console/cost", name: "Cost", icon: "cost", closed: "Capacity and money a year open with the planner room." },
  { path: "/console/compatibility", name: "Compatibility", icon: "film", unlisted: true },
  { path: "/console/users", name: "Users", icon: "people", operator: true },
];

/** The room of an address, with or without a final slash. */
export function roomOf(path: string): Room | undefined {
  const plain = path.replace(/\/+$/, "");
  return ROOMS.find((room) => room.path.replace(/\/+$/, "") === plain);
}
