"""Users in three shards of this process, beside the same users undivided."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bijou.audience import Batch, Dimension, Hasher, Kind, Mode
from bijou.audience.api import NewAudience
from bijou.audience.service import AudienceService
from bijou.audience.shards.asking import AudienceShard
from bijou.audience.shards.routing import ShardedUsers
from bijou.audience.shards.service import ShardedAudiences
from bijou.audience.shards.shard import LocalShard
from bijou.audience.shards.slots import MapFile, Shards
from bijou.engines.audience_files import FileSource
from bijou.engines.audience_lmdb import LmdbProfiles
from bijou.ports import EngineUnavailable, Instant, SystemClock
from tests.unit.audience.populations import KEY, parquet

RULES = {
    "germans": 'country in ("DE")',
    "grown": "age >= 18 and not subscriber",
    "both": 'in audience("germans") and in audience("grown")',
    "few": 'country in ("DE") and age 3..4',
}


class Reached:
    """Shards by address; those that are away do not answer."""

    def __init__(self) -> None:
        self.shards: dict[str, LocalShard] = {}
        self.away: set[str] = set()

    def __call__(self, address: str) -> AudienceShard:
        return Reachable(self, address)

    async def close(self) -> None:
        """Keep them for the next call."""


class Reachable:
    """A shard as long as it is there."""

    def __init__(self, reached: Reached, address: str) -> None:
        self._reached, self._address = reached, address

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*arguments: Any) -> Any:
            if self._address in self._reached.away:
                raise EngineUnavailable("http.unreachable", f"{self._address} did not answer")
            return await getattr(self._reached.shards[self._address], name)(*arguments)

        return call


class Divided:
    """Two installations with the same people, one of them in shards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.reached = Reached()
        hasher = Hasher(KEY, native=False)
        self.many = ShardedAudiences(folder / "home", hasher, self.clock, lambda: self.reached)
        profiles = LmdbProfiles(folder / "one" / "profiles")
        self.one = AudienceService(folder / "one", hasher, self.clock, profiles)
        for place in (self.many, self.one):
            place.register(Dimension("hours", Kind.NUMBER))
        self._profiles = profiles

    def start(self, name: str) -> str:
        """Start a shard, again after an end; return its entry."""
        address = f"http://{name}"
        folder = self.folder / f"shard-{name}"
        self.reached.shards[address] = LocalShard(name, folder, LmdbProfiles, self.clock, self.reached)
        self.reached.away.discard(address)
        return f"{name}={address}"

    def end(self, name: str) -> None:
        """End a shard."""
        self.reached.away.add(f"http://{name}")
        self.reached.shards.pop(f"http://{name}").close()

    def send(self, people: dict[str, dict[str, Any]], batch: str, mode: Mode = Mode.DELTA) -> None:
        """Upload to both; the answers are the same."""
        path = parquet(self.folder / f"{batch}.parquet", people)
        told = [self.take(place, path, batch, mode) for place in (self.many, self.one)]
        assert told[0] == told[1]

    def take(self, place: AudienceService, path: Path, batch: str, mode: Mode = Mode.DELTA) -> Any:
        number = int(batch.rpartition("-")[2])
        at = Instant((1_763_700_000 + number) * 1_000_000)
        report = place.upload(FileSource(path), Batch(batch, at, mode))
        return (
            report.state,
            report.rows,
            report.kept,
            report.rejected,
            report.users,
            report.fresh,
            report.late,
        )

    def define(self) -> None:
        """Define the same audiences in both, and build them."""
        for name, rule in RULES.items():
            for place in (self.many, self.one):
                place.define(NewAudience(name, rule))
        self.build()

    def build(self) -> None:
        """Build both; all sizes are the same."""
        sizes = [
            [(each.name, each.members, each.withheld) for each in place.build()]
            for place in (self.many, self.one)
        ]
        assert sizes[0] == sizes[1]

    def viewers(self, place: AudienceService, names: list[str]) -> list[Any]:
        """Return what is known of viewers, without its age."""
        if place is self.one:
            found = [self.one.known(name) for name in names]
        else:
            hashes = [place.store.hasher.one(name) for name in names]
            found = self.run(lambda users: users.known(hashes))
        return [(sorted(known.audiences), known.features, known.degraded) for known in found]

    def run(self, work: Callable[[ShardedUsers], Any], shards: Shards | None = None) -> Any:
        """Ask the shards something."""
        known = shards or MapFile(self.many.store.folder).read()
        assert known is not None
        return asyncio.run(work(ShardedUsers(known, self.reached, self.clock, rest_s=0.0)))

    def close(self) -> None:
        """Let everything go."""
        for shard in self.reached.shards.values():
            shard.close()
        self._profiles.close()


def fast_folder() -> Path:
    """Return a new folder in memory where there is one: these tests write a thousand small files durably."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="bijou-", dir=memory if memory.is_dir() else None))
