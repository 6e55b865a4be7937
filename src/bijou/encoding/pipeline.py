"""From one file to a folder that can be watched: inspect, encode, package."""

import asyncio
import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from bijou.catalog import Publication, Rendition
from bijou.encoding.captions import NamedCaptions, extract_captions, name_captions, write_captions
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.grid import segment_grid
from bijou.encoding.inspection import Film, examine
from bijou.encoding.labels import track_label
from bijou.encoding.ladder import fit, ladder
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.loudness import measure_loudness, playback_gain_db
from bijou.encoding.own_media import run_in
from bijou.encoding.posters import find_posters, take_posters
from bijou.encoding.prober import Prober
from bijou.encoding.publishing import base_of
from bijou.encoding.recipe import Recipe, seen_size, sound_tracks
from bijou.encoding.sprite import Sprite, plan_sprite
from bijou.encoding.stills import TILE_BOX, sprite_argv
from bijou.packaging import Package, TrackSource, language_tag, package
from bijou.ports import BijouBug, Clock, Conflict, EngineUnavailable, InvalidRequest
from bijou.runtime.children import Limits, run_child
from bijou.runtime.confinement import Confinement

Report = Callable[[str, float, float], None]
"""Called with the step, the progress from 0 to 1, and the speed."""

_INSPECTED, _ENCODED = 0.05, 0.95
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


async def encode_asset(
    source: Path,
    out: Path,
    *,
    asset: str,
    limits: EncodingLimits,
    clock: Clock,
    report: Report,
    prober: Prober | None = None,
) -> Publication:
    """Make a film watchable under `out/media/<asset>/`; all of it or nothing.

    Cancelling it kills what runs and leaves nothing behind.

    Cost: about 0.35 s of CPU a second of 480p film (three rungs); scratch of
    about twice the renditions' bytes, inside `out`.
    Threads: call it on the main thread's event loop, as `run_child` asks.

    Args:
        source: A local file.
        out: A folder on the disk where the result shall lie; made where missing.
        asset: Names the folder; a path part.
        report: Called with the step, the progress from 0 to 1, and media
            seconds per second of work (0 while unknown).
        prober: Spares the 0.2 s that starting one takes.

    Raises:
        InvalidRequest: the file is refused; see `inspect`.
        Conflict: `encoding.exists`, the asset's folder is there already.
        EngineUnavailable: `encoding.disk_full`, `.out_of_memory` or
            `.crashed`; another attempt may help.
        BijouBug: what ffmpeg made of a good film is not what was asked for.
    """
    scratch, folder = out / f"{asset}.scratch", out / base_of(asset)
    if folder.exists():
        raise Conflict("encoding.exists", f"{folder} exists; an asset is encoded once")
    try:
        scratch.mkdir(parents=True)
        report("inspect", 0.0, 0.0)
        film = await examine(
            source,
            limits=limits,
            clock=clock,
            tell=lambda done: report("inspect", done * _INSPECTED, 0.0),
            prober=prober,
            loudness=True,
        )
        recipe = plan(film, scratch, limits)
        await _encode(recipe, limits, clock, report)
        report("package", _ENCODED, 0.0)
        extras = await _extras(recipe, limits, clock)
        packed = await asyncio.to_thread(_package, recipe, extras, folder)
    except OSError as error:
        if error.errno in _FULL:
            raise EngineUnavailable(
                "encoding.disk_full", "the disk was full while packaging; free some space"
            ) from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report("package", 1.0, 0.0)
    return _publication(asset, film, packed, extras)


def plan(film: Film, folder: Path, limits: EncodingLimits) -> Recipe:
    """Decide what is made of a film: rungs, and the grid of their segments."""
    size = seen_size(film)
    times_s, duration_s = film.times_s(), film.media.duration_s
    return Recipe(
        film=film,
        rungs=ladder(*size, float(film.cadence.rate)),
        boundaries_s=segment_grid(times_s, film.media.cuts_s, duration_s),
        keys=folder / "keys.txt",
        folder=folder,
        threads=limits.thread_count(),
    )


async def _encode(recipe: Recipe, limits: EncodingLimits, clock: Clock, report: Report) -> None:
    recipe.keys.write_text(recipe.key_times(), encoding="ascii")
    frames = len(recipe.film.ticks)
    watch = _Watch(frames, report)
    await _run(recipe.argv(), "encoding", recipe, limits, clock, watch.line)
    if watch.frames != frames:
        raise BijouBug(
            "encoding.frames_lost", f"{watch.frames} frames were encoded where {frames} were found"
        )


class _Extras(msgspec.Struct, frozen=True):
    """What a title has beside its pictures and its sound.

    Args:
        gains_db: Of each sound rendition, by its name.
    """

    sprite: Sprite
    posters: list[str]
    captions: list[NamedCaptions]
    gains_db: dict[str, float]


async def _extras(recipe: Recipe, limits: EncodingLimits, clock: Clock) -> _Extras:
    film = recipe.film
    found = await extract_captions(
        film.source,
        film.container,
        film.captions,
        start_s=film.ticks[0] * film.tick,
        folder=recipe.folder,
        limits=limits,
        clock=clock,
    )
    gains_db = {
        name: playback_gain_db(
            await measure_loudness(recipe.folder / f"{name}.mp4", limits=limits, clock=clock)
        )
        for name, _ in sound_tracks(film)
    }
    sprite, posters = await _stills(recipe, limits, clock)
    return _Extras(sprite, posters, name_captions(found), gains_db)


async def _stills(recipe: Recipe, limits: EncodingLimits, clock: Clock) -> tuple[Sprite, list[str]]:
    """Take sprite and posters from the smallest and the largest rung."""
    media, folder = recipe.film.media, recipe.folder
    sprite = plan_sprite(recipe.boundaries_s, media.duration_s, fit(*seen_size(recipe.film), *TILE_BOX))
    tiles = sprite_argv(folder, recipe.rungs[-1], sprite)
    await run_in(folder, tiles, "taking its preview pictures", limits=limits, clock=clock)
    smallest, largest = (folder / f"{recipe.rungs[place].name}.mp4" for place in (-1, 0))
    moments = await find_posters(smallest, media.cuts_s, media.duration_s, limits=limits, clock=clock)
    sources = [(largest, moment_s) for moment_s in moments]
    return sprite, await take_posters(sources, recipe.rungs[0], folder, limits=limits, clock=clock)


async def _run(
    argv: list[str],
    doing: str,
    recipe: Recipe,
    limits: EncodingLimits,
    clock: Clock,
    on_line: Callable[[str], None] | None = None,
) -> None:
    finished = await run_child(
        argv,
        limits=Limits(
            wall_s=limits.child_wall_s,
            cpu_s=limits.child_wall_s * limits.thread_count(),
            memory_bytes=limits.child_memory_bytes,
        ),
        clock=clock,
        on_line=on_line,
        cwd=recipe.folder,
        confinement=Confinement(read=(recipe.film.source,), write=(recipe.folder,)),
        env=FEW_HEAPS,
    )
    if not finished.ok:
        raise failure(finished, doing)


class _Watch:
    """Reads `-progress` lines of ffmpeg and reports them."""

    def __init__(self, frames: int, report: Report) -> None:
        self.frames = 0
        self._of = frames
        self._speed = 0.0
        self._report = report

    def line(self, text: str) -> None:
        name, _, value = text.partition("=")
        if name == "frame":
            self.frames = int(value)
        elif name == "speed":
            self._speed = _speed(value)
        elif name == "progress":
            done = min(1.0, self.frames / self._of)
            self._report("encode", _INSPECTED + done * (_ENCODED - _INSPECTED), self._speed)


def _speed(text: str) -> float:
    try:
        return float(text.strip().removesuffix("x"))
    except ValueError:
        return 0.0


def _package(recipe: Recipe, extras: _Extras, folder: Path) -> Package:
    """Package in the scratch, then put all of it in its place at once."""
    packed = recipe.folder / "package"
    sounds = recipe.film.sounds
    tracks = [TrackSource(rung.name, "video", recipe.folder / f"{rung.name}.mp4") for rung in recipe.rungs]
    tracks += [
        TrackSource(
            name,
            "audio",
            recipe.folder / f"{name}.mp4",
            language_tag(sound.language),
            track_label(sound.language, sound.title),
        )
        for (name, _), sound in zip(sound_tracks(recipe.film), sounds, strict=False)
    ]
    try:
        subtitles = write_captions(extras.captions, recipe.boundaries_s, recipe.film.media.duration_s, packed)
        result = package(tracks, recipe.boundaries_s, packed, subtitles=subtitles)
    except InvalidRequest as error:
        raise BijouBug(
            "encoding.package_refused", f"what was encoded cannot be packaged: {error.detail}"
        ) from error
    for name in (*extras.posters, "sprite.jpg"):
        (recipe.folder / name).rename(packed / name)
    (packed / "sprite.vtt").write_text(extras.sprite.index("sprite.jpg"), encoding="ascii")
    folder.parent.mkdir(parents=True, exist_ok=True)
    packed.rename(folder)
    return result


def _publication(asset: str, film: Film, packed: Package, extras: _Extras) -> Publication:
    base = base_of(asset)
    renditions = [msgspec.convert(track, Rendition, from_attributes=True) for track in packed.tracks]
    return Publication(
        asset=asset,
        base=base,
        media=film.media,
        renditions=[
            msgspec.structs.replace(one, gain_db=extras.gains_db.get(one.name, 0.0)) for one in renditions
        ],
        hls=f"{base}/{packed.hls}",
        dash=f"{base}/{packed.dash}",
        poster=f"{base}/{extras.posters[0]}",
        sprite=f"{base}/sprite.jpg",
        posters=[f"{base}/{name}" for name in extras.posters],
    )
