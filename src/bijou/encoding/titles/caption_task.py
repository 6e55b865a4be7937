"""Captions that came inside the source or beside it: cut on the film's grid, once that is known."""

import asyncio
from fractions import Fraction
from pathlib import Path

from msgspec.structs import replace

from bijou.encoding.captions import extract_captions, name_captions, side_captions, write_captions
from bijou.encoding.chunks import Chunk
from bijou.encoding.chunks.command import true_path
from bijou.encoding.titles.facts import CaptionsMade, PlanEnd, digest
from bijou.encoding.titles.graph import PLAN, FilmTask
from bijou.encoding.titles.hold import Hold, Made
from bijou.encoding.titles.workshop import Workshop, base_of, sha256_of
from bijou.packaging import Subtitles
from bijou.ports import Task
from bijou.runtime import codec


class Captioning:
    """Executor of `captions`."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    async def __call__(self, task: Task, hold: Hold) -> Made:
        """Take captions out, cut them and store them."""
        told = codec.decode(task.payload, FilmTask)
        shop, facts = self._shop, told.facts
        plan, parts = await shop.task(f"{task.group}/{PLAN}")
        per_s = facts.picture.per_s
        chunks = [codec.decode(part.result, Chunk) for part in parts]
        boundaries = [Fraction(moment, per_s) for chunk in chunks for moment in chunk.boundaries()]
        end_s = Fraction(codec.decode(plan.result, PlanEnd).end, per_s)
        async with shop.source(told.work.source) as source, shop.folder() as folder:
            hold.say(0.1, "takes captions out")
            found = await extract_captions(
                true_path(source),
                facts.picture.container,
                facts.captions,
                start_s=Fraction(*facts.start),
                folder=folder,
                limits=shop.limits,
                clock=shop.clock,
            )
            brought = [
                side_captions(await shop.bytes_of(key), key.rpartition("/")[2]) for key in told.work.captions
            ]
            written = folder / "written"
            named = name_captions([*brought, *found])
            subtitles = await asyncio.to_thread(write_captions, named, boundaries, end_s, written)
            hold.say(0.5, "stores captions")
            made = [await self._store(told.work.asset, written, one) for one in subtitles]
        result = codec.encode(CaptionsMade(tuple(made)))
        return Made(sha256_of(result), result)

    async def _store(self, asset: str, written: Path, track: Subtitles) -> Subtitles:
        """Store one language in a folder that is named by what its files say."""
        name = track.playlist.partition("/")[0]
        files = sorted((written / name).iterdir())
        contents = {file.name: await asyncio.to_thread(file.read_bytes) for file in files}
        whole = digest(f"{file} {sha256_of(content)}" for file, content in contents.items())[:32]
        for file, content in contents.items():
            await self._shop.blobs.put(f"{base_of(asset)}/{name}/{whole}/{file}", content)
        moved = f"../{name}/{whole}"
        return replace(
            track,
            playlist=f"{moved}/{track.playlist.rpartition('/')[2]}",
            file=f"{moved}/{track.file.rpartition('/')[2]}" if track.file else "",
        )
