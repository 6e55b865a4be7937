/** What the ad pages ask of the server. */

import type { AdChange, AdChanged, AdRecord, ExplainQuestion, Explanation, NewAdChange } from "../../../api/types.ts";
import { path } from "../../../shared/api.ts";
import { type Resource, useResource } from "../../../shared/resource.ts";
import { queryOf } from "../../../shared/router.ts";
import { api } from "../../../shared/session.ts";
import type { Schemas } from "./schema.ts";

const PAGE = 1000;
/** More of one kind than a table is good for; what is beyond is said. */
export const MOST = 20_000;

const got = <T>(address: string, signal?: AbortSignal) => api.ask<T>("GET", address, { signal });

export const schemas = (signal: AbortSignal) => got<Schemas>("/api/ads/schemas", signal);
export const record = (id: string, signal?: AbortSignal) => got<AdRecord>(path`/api/ads/records/${id}`, signal);
export const history = (id: string, signal?: AbortSignal) => got<AdRecord[]>(path`/api/ads/records/${id}/history`, signal);
export const changes = (signal: AbortSignal) => got<AdChange[]>("/api/ads/changes?at_most=1000", signal);
export const change = (made: NewAdChange, signal?: AbortSignal) => api.change<AdChanged>("POST", "/api/ads/changes", made, signal);
export const explain = (question: ExplainQuestion, signal?: AbortSignal) => api.change<Explanation>("POST", "/api/ads/explain", question, signal);

/** All current records of a kind, page after page. */
export async function records(kind: string, signal?: AbortSignal): Promise<AdRecord[]> {
  const found: AdRecord[] = [];
  while (found.length < MOST) {
    const after = found.at(-1)?.number ?? 0;
    const page = await got<AdRecord[]>(`/api/ads/records${queryOf({ kind, after: String(after), at_most: String(PAGE) })}`, signal);
    found.push(...page);
    if (page.length < PAGE) break;
  }
  return found;
}

/** The records of a kind while a component is shown; none of an empty kind. */
export function useRecords(kind: string): Resource<AdRecord[]> {
  return useResource(`ads ${kind}`, async (signal) => (kind ? records(kind, signal) : []));
}
