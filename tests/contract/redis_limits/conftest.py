from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bijou.engines.redis_limits import RedisLimits
from bijou.ports import VirtualClock
from tests.contract.redis_limits.server import RedisServer, ready


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = ready(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may mistreat."""
    server = ready(tmp_path)
    yield server
    server.kill()


@pytest.fixture
async def limits(shared_redis: RedisServer, clock: VirtualClock) -> AsyncIterator[RedisLimits]:
    limits = RedisLimits(shared_redis.url, clock, timeout_s=5)
    await limits._redis.flushall()
    yield limits
    await limits.close()
