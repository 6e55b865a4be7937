// Reads an init segment and its segments with mp4box.js, and prints what it found as JSON.
// node mp4box_reads.mjs PATH_OF_MP4BOX INIT SEGMENT...
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [library, ...paths] = process.argv.slice(2);
const { createFile, MP4BoxBuffer } = await import(pathToFileURL(library).href);
const file = createFile();
const errors = [];
file.onError = (module, message) => errors.push(`${module}: ${message}`);
let found = null;
file.onReady = (info) => {
  found = info;
};
let position = 0;
for (const path of paths) {
  const bytes = readFileSync(path);
  const buffer = MP4BoxBuffer.fromArrayBuffer(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    position,
  );
  position += bytes.length;
  file.appendBuffer(buffer);
}
file.flush();
const [track] = found?.tracks ?? [];
const samples = track ? file.getTrackSamplesInfo(track.id) : [];
let breaks = 0;
for (let at = 1; at < samples.length; at += 1) {
  breaks += samples[at].dts !== samples[at - 1].dts + samples[at - 1].duration ? 1 : 0;
}
const fragments = file.boxes.filter((box) => box.type === "moof");
console.log(
  JSON.stringify({
    errors,
    brands: found?.brands ?? [],
    fragmented: found?.isFragmented ?? false,
    codec: track?.codec ?? "",
    timescale: track?.timescale ?? 0,
    edits: (track?.edits ?? []).map((edit) => edit.media_time),
    samples: samples.length,
    sync: samples.filter((sample) => sample.is_sync).length,
    breaks,
    first_dts: samples[0]?.dts ?? -1,
    sequence_numbers: fragments.map((moof) => moof.mfhd.sequence_number),
    unknown: file.boxes.filter((box) => !box.type.trim()).length,
  }),
);
