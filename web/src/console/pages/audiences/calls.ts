/** What the audience pages ask of the server. */

import type {
  Alike,
  Audience,
  AudienceState,
  AudienceUse,
  BatchState,
  Checked,
  Combination,
  DimensionShown,
  Forgotten,
  Known,
  NewAudience,
  NewBatch,
  OverlapMatrix,
  Reach,
} from "../../../api/types.ts";
import { path } from "../../../shared/api.ts";
import { queryOf } from "../../../shared/router.ts";
import { api } from "../../../shared/session.ts";

const got = <T>(address: string, signal?: AbortSignal) => api.ask<T>("GET", address, { signal });

export const all = (signal: AbortSignal) => got<Audience[]>("/api/audiences", signal);
export const state = (signal: AbortSignal) => got<AudienceState>("/api/audience-state", signal);
export const dimensions = (signal: AbortSignal) => got<DimensionShown[]>("/api/audience-dimensions", signal);
export const uses = (audience: string, signal: AbortSignal) => got<AudienceUse[]>(`/api/ads/audience-uses${queryOf({ audience })}`, signal);
export const batches = (signal: AbortSignal) => got<BatchState[]>("/api/audience-batches", signal);
export const batch = (id: string) => got<BatchState>(path`/api/audience-batches/${id}`);
export const define = (audience: NewAudience) => api.change<Audience>("POST", "/api/audiences", audience);
export const drop = (name: string) => api.change<void>("DELETE", path`/api/audiences/${name}`);
export const build = () => api.change<Audience[]>("POST", "/api/audience-builds", {});
export const alike = (seed: string, size: number) => api.change<Alike>("POST", "/api/audience-lookalikes", { seed, size });
export const overlaps = (names: string[]) => api.change<OverlapMatrix>("POST", "/api/audience-overlaps", { names });
export const combine = (combination: Combination) => api.change<Reach>("POST", "/api/audience-combinations", combination);
export const order = (batch: NewBatch) => api.change<BatchState>("POST", "/api/audience-batches", batch);
export const callOff = (id: string) => api.change<void>("DELETE", path`/api/audience-batches/${id}`);
export const known = (user: string, purpose: string) => api.change<Known>("POST", "/api/audience-viewers", { user, purpose });
export const forget = (user: string) => api.change<Forgotten>("POST", "/api/audience-deletions", { user });

/** Where the rejected rows of a batch are fetched as a file. */
export const rejectsOf = (id: string) => path`/api/audience-batches/${id}/rejects`;

/** Ask about a rule; the signal is for answers that nobody waits for any more. */
export const check = (rule: string, purpose: string, signal: AbortSignal) => api.change<Checked>("POST", "/api/audience-checks", { rule, purpose }, signal);
