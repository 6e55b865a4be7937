/** Where a title's pictures lie: at an edge, and at the next one where that fails. */

import { useEffect } from "preact/hooks";
import type { EdgeAddress } from "../api/types.ts";
import { whenBack } from "./connection.ts";
import { api } from "./session.ts";
import { Store, useStore } from "./store.ts";

const edges = new Store<EdgeAddress[]>([]);
/** Index of the edge that pictures come from; moves on where one fails. */
const preferred = new Store(0);
let asked = false;

function ask(): void {
  if (asked) return;
  asked = true;
  api.delivery().then(
    (found) => edges.set(found),
    () => void (asked = false),
  );
}

whenBack(() => {
  if (!edges.value.length) ask();
});

/** The edges in order of preference; empty until the server has told them. */
export function useEdges(): EdgeAddress[] {
  useEffect(ask, []);
  const known = useStore(edges);
  const first = useStore(preferred);
  return known.map((_, index) => known[(index + first) % known.length] as EdgeAddress);
}

/** Note that an edge gave no picture, so that the next ones are not asked of it first. */
export function avoidEdge(edge: EdgeAddress): void {
  const index = edges.value.indexOf(edge);
  if (index >= 0 && edges.value.length > 1 && index === preferred.value % edges.value.length) {
    preferred.set((index + 1) % edges.value.length);
  }
}

/** The address of a blob at an edge. */
export function at(edge: EdgeAddress, key: string): string {
  return `${edge.base_url.replace(/\/$/, "")}/${key}`;
}
