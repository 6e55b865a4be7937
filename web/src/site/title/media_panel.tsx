import type { Title } from "../../api/types.ts";
import { Icon } from "../../shared/components/icons.tsx";
import { bitrate, bytes, channels, clockLength, codec, frameRate, language } from "../../shared/format.ts";

/** What was uploaded and what was made of it, for those who look after it. */
export function MediaPanel({ title }: { title: Title }) {
  const { media, renditions, asset } = title.publication;
  return (
    <details class="media-panel">
      <summary>
        <Icon name="chevronRight" size={18} /> Technical details
      </summary>
      <div class="media-panel-body">
        <section>
          <h3>Uploaded</h3>
          <dl class="pairs">
            <dt>Asset</dt>
            <dd>
              <code>{asset}</code>
            </dd>
            <dt>Container</dt>
            <dd>
              {media.container}, {bytes(media.size_bytes)}, {clockLength(media.duration_s)}
            </dd>
            {media.video.map((track, index) => (
              <PictureFacts key={index} track={track} />
            ))}
            {media.audio.map((track, index) => (
              <SoundFacts key={index} track={track} />
            ))}
          </dl>
        </section>
        <section>
          <h3>Renditions</h3>
          <div class="table-scroll" tabIndex={0} role="region" aria-label="Renditions">
            <table class="plain-table">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Codec</th>
                  <th class="number">Picture</th>
                  <th class="number">Average</th>
                  <th class="number">Peak</th>
                  <th class="number">Size</th>
                  <th class="number">Segments</th>
                </tr>
              </thead>
              <tbody>
                {renditions.map((one) => (
                  <tr key={one.name}>
                    <td>
                      <code>{one.name}</code>
                    </td>
                    <td title={one.codecs}>{codec(one.codecs)}</td>
                    <td class="number">{one.height ? `${one.width} × ${one.height}` : language(one.language) || "sound"}</td>
                    <td class="number">{bitrate(one.average_bps)}</td>
                    <td class="number">{bitrate(one.bandwidth_bps)}</td>
                    <td class="number">{bytes(one.size_bytes)}</td>
                    <td class="number">{one.segments}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      </div>
    </details>
  );
}

function PictureFacts({ track }: { track: Title["publication"]["media"]["video"][number] }) {
  const extra = [
    track.pixel_format,
    track.hdr ? "HDR" : "",
    track.interlaced ? "interlaced" : "",
    track.variable_frame_rate ? "variable frame rate" : "",
    track.rotation_degrees ? `turned ${track.rotation_degrees}°` : "",
  ].filter(Boolean);
  return (
    <>
      <dt>Picture</dt>
      <dd>
        {codec(track.codec)}, {track.width} × {track.height}, {frameRate(track.frame_rate, 3) || track.frame_rate}, {track.frames.toLocaleString("en-GB")} frames
        {extra.length > 0 && `, ${extra.join(", ")}`}
      </dd>
    </>
  );
}

function SoundFacts({ track }: { track: Title["publication"]["media"]["audio"][number] }) {
  return (
    <>
      <dt>Sound</dt>
      <dd>
        {codec(track.codec)}, {channels(track.channels)}, {(track.sample_rate / 1000).toLocaleString("en-GB")} kHz
        {language(track.language) && `, ${language(track.language)}`}
      </dd>
    </>
  );
}
