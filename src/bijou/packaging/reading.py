"""A packaged rendition read back from its folder: the facts that it was written from."""

from io import BytesIO
from pathlib import Path

from bijou.packaging.rendition import INIT_SEGMENT, Rendition, Segment, segment_name
from bijou.packaging.track import Track, read_track
from bijou.ports import NotFound


def read_rendition(folder: Path, *, language: str = "", label: str = "") -> Rendition:
    """Read what lies in the folder of one rendition, named as the folder is.

    Cost: O(bytes) of reading; memory of one segment and 32 bytes a sample of it.

    Raises:
        NotFound: `packaging.no_rendition`, no init segment or no segment.
        InvalidRequest: `packaging.bad_mp4`, `.unknown_codec`.
    """
    init = folder / INIT_SEGMENT
    paths: list[Path] = []
    while (path := folder / segment_name(len(paths) + 1)).exists():
        paths.append(path)
    if not init.exists() or not paths:
        raise NotFound("packaging.no_rendition", f"{folder} has no {INIT_SEGMENT} or no {segment_name(1)}")
    head = init.read_bytes()
    tracks = [read_track(BytesIO(head + path.read_bytes())) for path in paths]
    ends = [*(_start(track) for track in tracks[1:]), _end(tracks[-1])]
    return Rendition(
        name=folder.name,
        language=language,
        format=tracks[0].format,
        timescale=tracks[0].timescale,
        frame_rate=max(tracks, key=lambda track: len(track.samples)).frame_rate,
        init_bytes=len(head),
        segments=tuple(
            _segment(track, path, end, len(head))
            for track, path, end in zip(tracks, paths, ends, strict=True)
        ),
        label=label,
    )


def _segment(track: Track, path: Path, end: int, head_bytes: int) -> Segment:
    start = _start(track)
    key_bytes = track.samples.offsets[0] + track.samples.sizes[0] - head_bytes
    return Segment(start, end - start, path.stat().st_size, key_bytes)


def _start(track: Track) -> int:
    return max(0, min(map(track.shown_at, range(len(track.samples)))))


def _end(track: Track) -> int:
    return max(track.shown_at(index) + track.samples.durations[index] for index in range(len(track.samples)))
