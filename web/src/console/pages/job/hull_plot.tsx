import type { HullPoint, RungHulls } from "../../../api/types.ts";
import { useResource } from "../../../shared/resource.ts";
import { api } from "../../../shared/session.ts";

const WIDTH = 640;
const HEIGHT = 260;
const EDGE = { left: 44, right: 12, top: 12, bottom: 34 };
const LEAST_VMAF_SPAN = 8;

/** What bits buy in one chunk, shot by shot, and what was taken: the convex hull of each rendition. */
export function HullPlot({ job, chunk, rung }: { job: string; chunk: number; rung: string }) {
  const { data: hulls, error } = useResource(`hulls ${job} ${chunk}`, (signal) => api.hulls(job, chunk, signal));
  const own = hulls?.find((one) => one.rung === rung);
  if (error) return <p class="muted">The hull could not be read.</p>;
  if (!hulls) return <p class="muted">Reading the hull…</p>;
  if (!own) return <p class="muted">Not analysed: this chunk takes the recipe's own rate factor.</p>;
  return (
    <figure class="hull">
      <Plot hulls={own} />
      <figcaption>
        {own.hulls.length === 1 ? "One curve for all shots" : `One curve for each of ${own.hulls.length} shots`}; what was taken is marked. Expected VMAF {own.vmaf.toFixed(1)}
        {!own.reached && ", the most that may be chosen"}, rate factors {[...new Set(own.crfs)].join(", ")}.
      </figcaption>
    </figure>
  );
}

function Plot({ hulls }: { hulls: RungHulls }) {
  const points = hulls.hulls.flat();
  if (!points.length) return null;
  const { x, y, xTicks, yTicks } = scales(points);
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Bits and quality of ${hulls.rung}`}>
      {yTicks.map((value) => (
        <g key={value}>
          <line class="hull-grid" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={y(value)} y2={y(value)} />
          <text x={EDGE.left - 6} y={y(value) + 4} text-anchor="end">
            {value}
          </text>
        </g>
      ))}
      {xTicks.map((value) => (
        <text key={value} x={x(value)} y={HEIGHT - 14} text-anchor="middle">
          {kilobits(value)}
        </text>
      ))}
      <text x={WIDTH - EDGE.right} y={HEIGHT - 1} text-anchor="end">
        bits of the shot, in trial encodes
      </text>
      {hulls.hulls.map((hull, shot) => (
        <g key={shot} class={`hull-curve hull-curve-${shot % 4}`}>
          <polyline points={hull.map((point) => `${x(point.bits)},${y(point.vmaf)}`).join(" ")} />
          {hull.map((point) => {
            const taken = point.crf === hulls.crfs[shot];
            return (
              <circle key={point.crf} class={taken ? "hull-taken" : ""} cx={x(point.bits)} cy={y(point.vmaf)} r={taken ? 5 : 2}>
                <title>{`rate factor ${point.crf}: ${kilobits(point.bits)}, VMAF ${point.vmaf.toFixed(1)}`}</title>
              </circle>
            );
          })}
        </g>
      ))}
    </svg>
  );
}

interface Scales {
  x: (bits: number) => number;
  y: (vmaf: number) => number;
  xTicks: number[];
  yTicks: number[];
}

/** Bits on a scale of their logarithm, quality on one of its own. */
export function scales(points: readonly HullPoint[]): Scales {
  const bits = points.map((point) => Math.log2(Math.max(1, point.bits)));
  const [low, high] = [Math.floor(Math.min(...bits)), Math.ceil(Math.max(...bits))];
  const span = Math.max(1, high - low);
  const best = Math.min(100, Math.ceil(Math.max(...points.map((point) => point.vmaf))));
  const worst = Math.min(Math.floor(Math.min(...points.map((point) => point.vmaf))), best - LEAST_VMAF_SPAN);
  const step = best - worst > 40 ? 10 : best - worst > 16 ? 4 : 2;
  return {
    x: (value) => EDGE.left + ((Math.log2(Math.max(1, value)) - low) / span) * (WIDTH - EDGE.left - EDGE.right),
    y: (value) => EDGE.top + ((best - value) / (best - worst)) * (HEIGHT - EDGE.top - EDGE.bottom),
    xTicks: Array.from({ length: span + 1 }, (_, index) => 2 ** (low + index)).filter((_, index) => span < 7 || index % 2 === 0),
    yTicks: Array.from({ length: Math.floor((best - worst) / step) + 1 }, (_, index) => best - index * step),
  };
}

function kilobits(bits: number): string {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb` : `${Math.max(1, Math.round(bits / 1000))} kb`;
}
