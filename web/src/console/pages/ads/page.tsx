import "../audiences/audiences.css";
import "./ads.css";
import { Icon } from "../../../shared/components/icons.tsx";
import { usePlace } from "../../../shared/navigation.ts";
import { queryOf } from "../../../shared/router.ts";
import { type ViewLink, Views } from "../audiences/views.tsx";
import { Changes } from "./changes.tsx";
import { Explain } from "./explain.tsx";
import { KINDS, type KindOf, kindOf } from "./kinds.ts";
import { RecordPage } from "./record_page.tsx";
import { RecordTable } from "./record_table.tsx";

/** Campaigns and what belongs to them, and why a line item may not serve. */
export function AdsPage() {
  const asked = new URLSearchParams(usePlace().query);
  const record = asked.get("record");
  const fresh = kindOf(asked.get("new") ?? "");
  if (record) return <RecordPage key={record} id={record} />;
  if (fresh) return <RecordPage key={`new ${fresh.kind}`} fresh={fresh} above={asked.get("above") ?? ""} />;
  const view = asked.get("view") ?? "";
  const kind = kindOf(asked.get("kind") ?? "") ?? KINDS[0]!;
  return (
    <section class="page page-table">
      <div class="page-head">
        <h1>Ads</h1>
        {!view && (
          <a class="button button-accent button-small" href={`/console/ads${queryOf({ new: kind.kind })}`}>
            <Icon name="plus" size={16} /> New {kind.one}
          </a>
        )}
      </div>
      <Views label="Views of ads" links={linksOf(view, kind)} />
      {view === "explain" ? <Explain /> : view === "changes" ? <Changes /> : <RecordTable key={kind.kind} kind={kind} />}
    </section>
  );
}

function linksOf(view: string, open: KindOf): ViewLink[] {
  const ofKind = (one: KindOf) => ({ words: one.many, to: `/console/ads${queryOf({ kind: one.kind })}`, here: !view && one === open });
  const ofView = (key: string, words: string) => ({ words, to: `/console/ads?view=${key}`, here: view === key });
  const [daily, other] = [KINDS.filter((one) => one.daily), KINDS.filter((one) => !one.daily)];
  return [...daily.map(ofKind), ofView("explain", "Explain"), ofView("changes", "Changes"), ...other.map(ofKind)];
}
