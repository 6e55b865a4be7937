import { useEffect, useState } from "preact/hooks";
import { Icon } from "../shared/components/icons.tsx";
import { bitrate, codec } from "../shared/format.ts";
import type { PlayerEngine } from "./engine.ts";
import type { Figures } from "./view.ts";

const EVERY_MS = 500;
const KEPT = 60;

/** What is being played, in figures. */
export function FiguresPanel({ engine, onClose }: { engine: PlayerEngine; onClose: () => void }) {
  const [history, setHistory] = useState<Figures[]>([engine.figures()]);
  useEffect(() => {
    const timer = setInterval(() => setHistory((past) => [...past.slice(1 - KEPT), engine.figures()]), EVERY_MS);
    return () => clearInterval(timer);
  }, [engine]);
  const now = history.at(-1) as Figures;
  return (
    <aside class="figures" noautohide aria-label="Figures">
      <header>
        <h2>Figures</h2>
        <button type="button" class="icon-button icon-button-small" aria-label="Close the figures" onClick={onClose}>
          <Icon name="close" size={16} />
        </button>
      </header>
      <dl>
        <dt>Rendition</dt>
        <dd>
          {now.rendition}, {bitrate(now.bitrate_bps)}
        </dd>
        <dt>Codecs</dt>
        <dd>{now.codecs.split(", ").filter(Boolean).map(codec).join(", ") || "unknown"}</dd>
        <dt>Window</dt>
        <dd>{now.window}</dd>
        <dt>Pathway</dt>
        <dd>
          {now.pathway}
          {now.pathway_switches > 0 && `, switched ${now.pathway_switches}×`}
        </dd>
        <dt>Order</dt>
        <dd>{now.pathway_order.join(", ")}</dd>
        <dt>Decided by</dt>
        <dd>{DECIDERS[now.pathway_decider]}</dd>
        <dt>Steering</dt>
        <dd>{steeredBy(now)}</dd>
        <dt>Throughput</dt>
        <dd>
          {bitrate(now.throughput_bps)}
          <Spark values={history.map((one) => one.throughput_bps)} />
        </dd>
        <dt>Buffer</dt>
        <dd>
          {now.buffer_s.toFixed(1)} s
          <Spark values={history.map((one) => one.buffer_s)} />
        </dd>
        <dt>Decision</dt>
        <dd>{decided(now)}</dd>
        <dt>Rendition changes</dt>
        <dd>{now.switches}</dd>
        <dt>Stalls</dt>
        <dd>{now.stalls}</dd>
        <dt>Dropped frames</dt>
        <dd>
          {now.dropped} of {now.frames}
        </dd>
      </dl>
    </aside>
  );
}

const DECIDERS = { session: "the session", steering: "steering", failures: "failures seen here" };

/** How steering fares. */
export function steeredBy({ steering, steered_s }: Pick<Figures, "steering" | "steered_s">): string {
  if (!steering) return "off";
  if (steering.failed) return `silent, asked ${steering.failed}×`;
  if (steered_s === null) return "being asked";
  const spares = steering.brown_out ? "; short of capacity, the highest rung is spared" : "";
  return `${steering.host}, ${steered_s.toFixed(0)} s ago, every ${steering.ttl_s} s${spares}`;
}

/** What the adaptation chose for the segment being fetched, and by how much over the next best. */
export function decided({ choice, heights }: Pick<Figures, "choice" | "heights">): string {
  if (!choice) return "none";
  const named = (level: number) => `${heights[level] ?? 0}p`;
  const worth = choice.levels.map((level, at) => ({ level, value: choice.values[at] ?? 0 }));
  const [best, next] = worth.sort((a, b) => b.value - a.value);
  const lead = best && next ? `, ${(best.value - next.value).toFixed(2)} over ${named(next.level)}` : "";
  return `${named(choice.level)}${lead}, at ${bitrate(choice.throughput_bps)} and ${choice.buffer_s.toFixed(1)} s`;
}

function Spark({ values }: { values: number[] }) {
  const most = Math.max(...values, 1e-9);
  const points = values.map((value, index) => `${((KEPT - values.length + index) / (KEPT - 1)) * 96},${17 - (value / most) * 15}`);
  return (
    <svg class="spark" width="96" height="18" viewBox="0 0 96 18" aria-hidden="true">
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" stroke-width="1.500" />
    </svg>
  );
}
