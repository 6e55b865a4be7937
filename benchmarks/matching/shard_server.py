"""One shard in a process of its own: `python -m benchmarks.matching.shard_server LINES`; prints its port."""

import asyncio
import os
import signal
import socket
import sys
from hashlib import blake2b
from random import Random

from benchmarks.matching.measuring import loaded
from bijou.ads.matching import Matcher
from bijou.ads.matching.http import routes
from bijou.ads.matching.samples import LOOSE, Sampler, registry
from bijou.ads.matching.shards import LocalShard, Profile
from bijou.ports import Credentials, Principal, Role
from bijou.runtime.http import serve_app, service_app
from bijou.runtime.processes import die_with_parent


class Doorman:
    """Believes everybody: the benchmark is alone on its address."""

    async def principal(self, credentials: Credentials) -> Principal:
        return Principal("bench", credentials.bearer, frozenset({Role.SERVICE}))


def profile_of(viewer: str) -> Profile:
    """Draw a profile from the viewer's key: the same on every shard."""
    seed = int.from_bytes(blake2b(viewer.encode(), digest_size=8).digest(), "big")
    chance = Random(seed)
    audiences = [f"audience-{int(10_000 ** chance.random()) - 1}" for _ in range(40)]
    return Profile({"age": chance.randrange(100), "interest": ["interest-1"]}, audiences)


async def serve(lines: int) -> None:
    matcher = Matcher(registry())
    sampler = Sampler(Random(1), LOOSE)
    loaded(matcher, sampler, lines)
    matcher.match(sampler.opportunity(), 1)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = service_app(routes(LocalShard(matcher, profile_of)), Doorman())
        await serve_app(
            app, "127.0.0.1", port, stop=stop, ready=lambda: print(port, flush=True), listener=listener
        )


if __name__ == "__main__":
    die_with_parent(os.getppid())
    asyncio.run(serve(int(sys.argv[1])))
