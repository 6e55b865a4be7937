import { useEffect, useRef, useState } from "preact/hooks";
import { bitrate } from "../shared/format.ts";
import type { PlayerEngine } from "./engine.ts";
import type { PlayerView } from "./view.ts";

interface Props {
  engine: PlayerEngine;
  view: PlayerView;
  figures: boolean;
  onFigures: () => void;
  onClose: () => void;
}

interface Option {
  value: number;
  label: string;
  note?: string;
}

/** Quality, sound, captions and speed, each as one list to choose from. */
export function SettingsMenu({ engine, view, figures, onFigures, onClose }: Props) {
  const root = useRef<HTMLDivElement>(null);
  const [speed, setSpeed] = useState(engine.video.playbackRate);
  useEffect(() => {
    root.current?.querySelector<HTMLInputElement>("input:checked")?.focus({ preventScroll: true });
    const away = (event: PointerEvent) => {
      const path = event.composedPath();
      const onButton = path.some((one) => one instanceof Element && one.getAttribute("aria-label") === "Settings");
      if (root.current && !path.includes(root.current) && !onButton) onClose();
    };
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, []);

  const automatic = view.chosen < 0 && view.playing_height ? `now ${view.playing_height}p` : "";
  const qualities: Option[] = [
    { value: -1, label: "Auto", note: automatic },
    ...view.rungs.map((rung) => ({ value: rung.index, label: `${rung.height}p`, note: bitrate(rung.bitrate_bps) })),
  ];
  return (
    <div class="player-menu" noautohide ref={root} role="dialog" aria-label="Settings">
      <Choices legend="Quality" options={qualities} chosen={view.chosen} onChoose={(value) => engine.choose(value)} />
      {view.sounds.length > 1 && (
        <Choices
          legend="Audio"
          options={view.sounds.map(({ index, label }) => ({ value: index, label }))}
          chosen={view.sound}
          onChoose={(value) => engine.chooseSound(value)}
        />
      )}
      {view.captions.length > 0 && (
        <Choices
          legend="Captions"
          options={[{ value: -1, label: "Off" }, ...view.captions.map(({ index, label }) => ({ value: index, label }))]}
          chosen={view.caption}
          onChoose={(value) => engine.chooseCaption(value)}
        />
      )}
      <Choices
        legend="Speed"
        options={[0.5, 0.75, 1, 1.25, 1.5, 2].map((value) => ({ value, label: value === 1 ? "Normal" : `${value}×` }))}
        chosen={speed}
        across
        onChoose={(value) => {
          engine.video.playbackRate = value;
          setSpeed(value);
        }}
      />
      <label class="player-menu-switch">
        <input type="checkbox" checked={figures} onChange={onFigures} /> Show figures
        <kbd>N</kbd>
      </label>
    </div>
  );
}

function Choices({ legend, options, chosen, across = false, onChoose }: { legend: string; options: Option[]; chosen: number; across?: boolean; onChoose: (value: number) => void }) {
  return (
    <fieldset class={across ? "choices choices-across" : "choices"}>
      <legend>{legend}</legend>
      {options.map(({ value, label, note }) => (
        <label key={value}>
          <input type="radio" name={`player-${legend}`} checked={value === chosen} onChange={() => onChoose(value)} />
          <span>{label}</span>
          {note && <small>{note}</small>}
        </label>
      ))}
    </fieldset>
  );
}
