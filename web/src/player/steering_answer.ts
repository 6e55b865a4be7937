/** What a steering server answers, read with distrust. */

import type { Clone } from "./pathways.ts";

export interface SteeringAnswer {
  ttl_s: number;
  /** Where to ask next; empty: where it was asked. */
  reload: string;
  order: string[];
  clones: Clone[];
  /** Whether regions are short of capacity, and the highest rung is to be left alone. */
  brown_out: boolean;
}

/** No answer is longer; what is, is none. */
const LONGEST = 65_536;
/** Half a character, which no address can hold. */
const HALF = /\p{Surrogate}/u;
const TTL_S = { least: 1, usual: 300, most: 300 };

/**
 * Read a steering manifest; null where it is none.
 *
 * Source: draft-pantos-hls-rfc8216bis, 7.1 and 7.2.
 *
 * Args: `from` is the address that it came from.
 */
export function readAnswer(text: string, from: string): SteeringAnswer | null {
  const value = text.length <= LONGEST ? parsed(text) : null;
  const order = value?.["PATHWAY-PRIORITY"];
  if (!value || value["VERSION"] !== 1 || !isNames(order) || !order.length) return null;
  const clones = value["PATHWAY-CLONES"];
  return {
    ttl_s: ttlOf(value["TTL"]),
    reload: addressOf(value["RELOAD-URI"], from),
    order,
    clones: Array.isArray(clones) ? clones.map(cloneOf).filter((one) => one !== null) : [],
    brown_out: value["X-BIJOU-BROWN-OUT"] === "top-rung",
  };
}

/** The address to ask, with what the player knows. */
export function withWhereabouts(address: string, pathway: string, throughput_bps: number): string {
  const known = [`_HLS_pathway=${encodeURIComponent(`"${pathway}"`)}`];
  if (throughput_bps > 0 && Number.isFinite(throughput_bps)) known.push(`_HLS_throughput=${Math.round(throughput_bps)}`);
  return `${address}${address.includes("?") ? "&" : "?"}${known.join("&")}`;
}

function ttlOf(value: unknown): number {
  if (typeof value !== "number" || !(value > 0)) return TTL_S.usual;
  return Math.min(TTL_S.most, Math.max(TTL_S.least, value));
}

function addressOf(value: unknown, from: string): string {
  if (typeof value !== "string" || !value) return "";
  try {
    const address = new URL(value, from);
    return /^https?:$/.test(address.protocol) ? address.href : "";
  } catch {
    return "";
  }
}

function cloneOf(value: unknown): Clone | null {
  const { ID: id, "BASE-ID": base_id, "URI-REPLACEMENT": how } = recordOf(value);
  const { HOST: host = "", PARAMS: params = {} } = recordOf(how);
  if (typeof id !== "string" || typeof base_id !== "string" || typeof host !== "string") return null;
  if (host && !/^[A-Za-z0-9.:[\]-]+$/.test(host)) return null;
  const texts = Object.entries(recordOf(params)).filter((pair): pair is [string, string] => typeof pair[1] === "string" && !HALF.test(pair.join()));
  return { id, base_id, host, params: Object.fromEntries(texts) };
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
