"""From one file to a folder that can be watched: inspect, encode, package."""

import asyncio
import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from bijou.catalog import Publication, Rendition
from bijou.encoding.ffmpeg import FEW_HEAPS, failure
from bijou.encoding.grid import segment_grid
from bijou.encoding.inspection import Film, examine
from bijou.encoding.ladder import fit, ladder
from bijou.encoding.limits import EncodingLimits
from bijou.encoding.recipe import Recipe, seen_size, sound_tracks
from bijou.encoding.sprite import Sprite, plan_sprite
from bijou.encoding.stills import TILE_BOX, poster_argv, sprite_argv
from bijou.packaging import Package, TrackSource, package
from bijou.ports import BijouBug, Clock, Conflict, EngineUnavailable, InvalidRequest
from bijou.runtime.children import Limits, run_child
from bijou.runtime.confinement import Confinement

Report = Callable[[str, float, float], None]
"""Called with the step, the progress from 0 to 1, and the speed."""

_INSPECTED, _ENCODED = 0.05, 0.95
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


async def encode_asset(
    source: Path, out: Path, *, asset: str, limits: EncodingLimits, clock: Clock, report: Report
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

    Raises:
        InvalidRequest: the file is refused; see `inspect`.
        Conflict: `encoding.exists`, the asset's folder is there already.
        EngineUnavailable: `encoding.disk_full`, `.out_of_memory` or
            `.crashed`; another attempt may help.
        BijouBug: what ffmpeg made of a good film is not what was asked for.
    """
    scratch, folder = out / f"{asset}.scratch", out / "media" / asset
    if folder.exists():
        raise Conflict("encoding.exists", f"{folder} exists; an asset is encoded once")
    try:
        scratch.mkdir(parents=True)
        report("inspect", 0.0, 0.0)
        film = await examine(
            source, limits=limits, clock=clock, tell=lambda done: report("inspect", done * _INSPECTED, 0.0)
        )
        recipe = plan(film, scratch, limits)
        await _encode(recipe, limits, clock, report)
        report("package", _ENCODED, 0.0)
        sprite = await _stills(recipe, limits, clock)
        packed = await asyncio.to_thread(_package, recipe, sprite, folder)
    except OSError as error:
        if error.errno in _FULL:
            raise EngineUnavailable(
                "encoding.disk_full", "the disk was full while packaging; free some space"
            ) from error
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    report("package", 1.0, 0.0)
    return _publication(asset, film, packed)


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


async def _stills(recipe: Recipe, limits: EncodingLimits, clock: Clock) -> Sprite:
    """Take the poster and the sprite from the largest and the smallest rung."""
    times_s = recipe.film.times_s()
    sprite = plan_sprite(times_s, recipe.film.media.duration_s, fit(*seen_size(recipe.film), *TILE_BOX))
    poster = poster_argv(recipe.folder, recipe.rungs[0], times_s[recipe.film.face])
    await _run(poster, "taking its poster", recipe, limits, clock)
    tiles = sprite_argv(recipe.folder, recipe.rungs[-1], sprite)
    await _run(tiles, "taking its preview pictures", recipe, limits, clock)
    return sprite


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


def _package(recipe: Recipe, sprite: Sprite, folder: Path) -> Package:
    """Package in the scratch, then put all of it in its place at once."""
    packed = recipe.folder / "package"
    sounds = recipe.film.sounds
    tracks = [TrackSource(rung.name, "video", recipe.folder / f"{rung.name}.mp4") for rung in recipe.rungs]
    tracks += [
        TrackSource(name, "audio", recipe.folder / f"{name}.mp4", _language(sound.language))
        for (name, _), sound in zip(sound_tracks(recipe.film), sounds, strict=False)
    ]
    try:
        result = package(tracks, recipe.boundaries_s, packed)
    except InvalidRequest as error:
        raise BijouBug(
            "encoding.package_refused", f"what was encoded cannot be packaged: {error.detail}"
        ) from error
    for name in ("poster.jpg", "sprite.jpg"):
        (recipe.folder / name).rename(packed / name)
    (packed / "sprite.vtt").write_text(sprite.index("sprite.jpg"), encoding="ascii")
    folder.parent.mkdir(parents=True, exist_ok=True)
    packed.rename(folder)
    return result


def _language(said: str) -> str:
    return said if _LANGUAGE.fullmatch(said) else "und"


def _publication(asset: str, film: Film, packed: Package) -> Publication:
    base = f"media/{asset}"
    return Publication(
        asset=asset,
        base=base,
        media=film.media,
        renditions=[msgspec.convert(track, Rendition, from_attributes=True) for track in packed.tracks],
        hls=f"{base}/{packed.hls}",
        dash=f"{base}/{packed.dash}",
        poster=f"{base}/poster.jpg",
        sprite=f"{base}/sprite.jpg",
    )
