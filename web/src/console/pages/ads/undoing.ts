/** Changes with their reasons, and their undoing: which is another version, like every change. */

import type { AdRecord, Noun } from "../../../api/types.ts";
import { toast } from "../../../shared/components/toast.tsx";
import { asApiError, sentence } from "../../../shared/problem.ts";
import * as calls from "./calls.ts";

export interface Made {
  record: AdRecord;
  noun: Noun;
}

/** Write new versions of some records, say so with Undo, and give back the new versions. */
export async function make(reason: string, made: readonly Made[], said: string, onDone: () => void): Promise<readonly AdRecord[]> {
  const edits = made.map(({ record, noun }) => ({ noun, id: record.id, version: record.version }));
  const { records } = await calls.change({ reason, edits });
  const before = made.map(({ record }) => record.noun);
  toast(said, { tone: "good", action: { label: "Undo", run: () => void undo(reason, records, before, onDone) } });
  onDone();
  return records;
}

async function undo(reason: string, records: readonly AdRecord[], before: readonly Noun[], onDone: () => void): Promise<void> {
  try {
    const edits = records.map((record, place) => ({ noun: before[place] as Noun, id: record.id, version: record.version }));
    await calls.change({ reason: `undone: ${reason}`.slice(0, 500), edits });
    toast("Taken back, as a new version");
  } catch (failure) {
    toast(`Not taken back: ${sentence(asApiError(failure).problem.detail)}`, { tone: "bad", stay_ms: 8000 });
  }
  onDone();
}
