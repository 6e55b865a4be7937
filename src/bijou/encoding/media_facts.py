"""From what was found in a file to what everybody may know of it."""

from collections.abc import Sequence
from fractions import Fraction

from bijou.catalog import AudioTrack, CaptionTrack, Chapter, VideoTrack
from bijou.encoding.colour import HLG, PQ, colour_of, hdr_format
from bijou.encoding.probe_child import CaptionFacts, ChapterFacts, PictureFacts, SoundFacts
from bijou.encoding.survey import Cadence

# Captions that lie inside the picture's packets; no stream names them.
HIDDEN_CAPTIONS = "eia_608"


def video_track(picture: PictureFacts, rhythm: Cadence, frames: int, keys: int) -> VideoTrack:
    """Describe the picture; `resized` is for who has seen all of it."""
    return VideoTrack(
        codec=picture.codec,
        width=picture.width,
        height=picture.height,
        frame_rate=str(rhythm.rate),
        frames=frames,
        variable_frame_rate=rhythm.variable,
        rotation_degrees=picture.rotation_degrees,
        pixel_format=picture.pixel_format,
        hdr=picture.transfer in {PQ, HLG},
        interlaced=picture.interlaced,
        colour=colour_of(picture),
        hdr_format=hdr_format(picture),
        bit_depth=picture.bit_depth,
        key_frames=keys,
    )


def audio_track(sound: SoundFacts) -> AudioTrack:
    """Describe one sound stream; its loudness is for who has heard all of it."""
    return AudioTrack(
        codec=sound.codec,
        sample_rate=sound.sample_rate,
        channels=sound.channels,
        language=sound.language,
        title=sound.title,
    )


def caption_tracks(captions: Sequence[CaptionFacts], picture: PictureFacts) -> list[CaptionTrack]:
    """Describe the caption streams, and what is hidden in the picture."""
    tracks = [
        CaptionTrack(one.codec, one.language, one.title, one.text, one.forced, one.hearing_impaired)
        for one in captions
    ]
    return [*tracks, CaptionTrack(HIDDEN_CAPTIONS)] if picture.closed_captions else tracks


def chapters_of(found: Sequence[ChapterFacts], first_s: Fraction, duration_s: float) -> list[Chapter]:
    """Return chapters from the first frame on, in order; those outside of the film are left out.

    Example:
        >>> marks = [ChapterFacts(10, 15, (1, 1), "Two"), ChapterFacts(0, 9999, (1, 1), "One")]
        >>> [(one.title, one.start_s, one.end_s) for one in chapters_of(marks, Fraction(2), 30.0)]
        [('One', 0.0, 30.0), ('Two', 8.0, 13.0)]
    """
    chapters = []
    for one in found:
        if not one.tick[1]:
            continue
        start, end = (
            min(max(float(moment * Fraction(*one.tick) - first_s), 0.0), duration_s)
            for moment in (one.start, one.end)
        )
        if start < end:
            chapters.append(Chapter(round(start, 3), round(end, 3), one.title))
    return sorted(chapters, key=lambda chapter: chapter.start_s)
