/** The rail: every room of the console, and whether it is open yet. */

import type { Role } from "../api/types.ts";
import type { IconName } from "../shared/components/icons.tsx";

export interface Room {
  path: string;
  name: string;
  icon: IconName;
  /** Why there is nothing in it yet; absent where it is open. */
  closed?: string;
  /** Who may see it; any one of the roles will do. */
  roles: readonly Role[];
  /** At the foot of the rail. */
  last?: boolean;
  /** Found by its name and by links, and left out of the rail. */
  unlisted?: boolean;
}

const HOUSE: readonly Role[] = ["editor", "operator"];
const SALES: readonly Role[] = ["adops", "operator"];
const EVERYBODY_HERE: readonly Role[] = ["editor", "adops", "operator"];

export const ROOMS: readonly Room[] = [
  { path: "/console/", name: "Watch", icon: "play", roles: HOUSE },
  { path: "/console/titles", name: "Titles", icon: "film", roles: HOUSE },
  { path: "/console/encodes", name: "Encodes", icon: "encode", roles: HOUSE },
  { path: "/console/ads", name: "Ads", icon: "megaphone", roles: SALES },
  { path: "/console/audiences", name: "Audiences", icon: "audience", roles: SALES },
  { path: "/console/regions", name: "Regions", icon: "region", roles: HOUSE },
  { path: "/console/metrics", name: "Metrics", icon: "metrics", roles: EVERYBODY_HERE, closed: "Plots of what viewers get, and the alerts on them, open with the metrics room." },
  { path: "/console/drills", name: "Drills", icon: "drill", roles: HOUSE, closed: "Failures made on purpose, and how the house took them, open with the drills room." },
  { path: "/console/cost", name: "Cost", icon: "cost", roles: HOUSE, closed: "Capacity and money a year open with the planner room." },
  { path: "/console/compatibility", name: "Compatibility", icon: "film", roles: HOUSE, unlisted: true },
  { path: "/console/users", name: "Users", icon: "people", roles: ["operator"], last: true },
];

/** The room of an address, with or without a final slash. */
export function roomOf(path: string): Room | undefined {
  const plain = path.replace(/\/+$/, "");
  return ROOMS.find((room) => room.path.replace(/\/+$/, "") === plain);
}

/** Whether somebody of these roles may see a room. */
export function admits(room: Room, roles: readonly Role[]): boolean {
  return room.roles.some((role) => roles.includes(role));
}

/** Roles in words: "editors and operators". */
export function rolesWords(roles: readonly Role[]): string {
  const words = roles.map((role) => (role === "adops" ? "ad operations" : `${role}s`));
  return [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ");
}
