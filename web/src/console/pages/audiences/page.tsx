import "./audiences.css";
import type { JSX } from "preact";
import { Icon } from "../../../shared/components/icons.tsx";
import { usePlace } from "../../../shared/navigation.ts";
import { AudiencePage } from "./audience.tsx";
import { Batches } from "./batches.tsx";
import { List } from "./list.tsx";
import { Overlap } from "./overlap.tsx";
import { People } from "./people.tsx";
import { Views } from "./views.tsx";

const VIEWS: readonly (readonly [string, string, () => JSX.Element])[] = [
  ["", "Audiences", List],
  ["overlap", "Overlap", Overlap],
  ["batches", "Batches", Batches],
  ["people", "People", People],
];

/** Groups of viewers: their rules, what they share, and the files they are made of. */
export function AudiencesPage() {
  const asked = new URLSearchParams(usePlace().query);
  const name = asked.get("audience");
  if (name !== null || asked.has("new")) return <AudiencePage key={name ?? ""} name={name ?? ""} />;
  const view = asked.get("view") ?? "";
  const View = (VIEWS.find(([key]) => key === view) ?? VIEWS[0]!)[2];
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Audiences</h1>
        <span class="head-actions">
          <a class="button button-small" href="/console/audiences?view=batches">
            <Icon name="upload" size={16} /> Upload
          </a>
          <a class="button button-accent button-small" href="/console/audiences?new=1">
            <Icon name="plus" size={16} /> New audience
          </a>
        </span>
      </div>
      <Views label="Views of audiences" links={VIEWS.map(([key, words]) => ({ words, to: key ? `/console/audiences?view=${key}` : "/console/audiences", here: key === view }))} />
      <View />
    </section>
  );
}
